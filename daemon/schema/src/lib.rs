//! The tables as the migrations make them, for diesel; nothing else. A test compares this file with
//! the database, column by column.

diesel::table! {
    api_keys (tenant_id, key_id) {
        tenant_id -> Uuid,
        key_id -> Uuid,
        name -> Text,
        secret_hash -> Text,
        scopes -> Array<Text>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_rates (tenant_id, key_id) {
        tenant_id -> Uuid,
        key_id -> Uuid,
        began_at -> Timestamptz,
        taken -> Integer,
    }
}

diesel::table! {
    api_requests (tenant_id, key_id, at, request_id) {
        tenant_id -> Uuid,
        key_id -> Uuid,
        at -> Timestamptz,
        request_id -> Uuid,
        method -> Text,
        path -> Text,
        status -> Nullable<SmallInt>,
        address -> Text,
        milliseconds -> Integer,
    }
}

diesel::table! {
    assignments (tenant_id, decided_at, assignment_id) {
        tenant_id -> Uuid,
        decided_at -> Timestamptz,
        assignment_id -> Uuid,
        object -> Text,
        record_id -> Text,
        router_id -> Uuid,
        rules_version -> BigInt,
        rule_id -> Nullable<Uuid>,
        rule_version -> Nullable<BigInt>,
        target_kind -> Text,
        target_id -> Uuid,
        rep_id -> Nullable<Uuid>,
        new_owner -> Text,
        previous_owner -> Nullable<Text>,
        state -> Text,
        reasons -> Jsonb,
        source_created_at -> Nullable<Timestamptz>,
        sent_at -> Nullable<Timestamptz>,
        written_at -> Nullable<Timestamptz>,
        outcome_code -> Nullable<Text>,
    }
}

diesel::table! {
    attempt_counters (scope, key) {
        scope -> Text,
        key -> Bytea,
        window_start -> Timestamptz,
        failures -> Integer,
        locked_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit_heads (number) {
        number -> BigInt,
        size -> BigInt,
        at -> Timestamptz,
        statement -> Text,
        signature -> Bytea,
        frontier -> Bytea,
    }
}

diesel::table! {
    audit_keys (tenant_id, subject) {
        tenant_id -> Uuid,
        subject -> Uuid,
        wrapped -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_leaves (position) {
        tenant_id -> Uuid,
        position -> BigInt,
        at -> Timestamptz,
        audit_id -> Uuid,
        hash -> Bytea,
    }
}

diesel::table! {
    audit_log (tenant_id, at, audit_id) {
        tenant_id -> Uuid,
        at -> Timestamptz,
        audit_id -> Uuid,
        actor_kind -> Text,
        actor_id -> Text,
        action -> Text,
        outcome -> Text,
        resource_type -> Text,
        resource_id -> Text,
        request_id -> Nullable<Uuid>,
        code -> Nullable<Text>,
        detail_sealed -> Nullable<Bytea>,
        origin_sealed -> Nullable<Bytea>,
    }
}

diesel::table! {
    audit_nodes (level, ordinal) {
        level -> Integer,
        ordinal -> BigInt,
        hash -> Bytea,
    }
}

diesel::table! {
    authorization_codes (hash) {
        hash -> Bytea,
        client -> Text,
        redirect_uri -> Text,
        challenge -> Text,
        state -> Text,
        user_id -> Uuid,
        tenant_id -> Uuid,
        sso_tenant_id -> Nullable<Uuid>,
        sso_provider_id -> Nullable<Uuid>,
        session_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    connections (tenant_id, connection_id) {
        tenant_id -> Uuid,
        connection_id -> Uuid,
        provider -> Text,
        kind -> Text,
        owner_id -> Nullable<Uuid>,
        state -> Text,
        environment -> Text,
        login_host -> Text,
        instance_url -> Nullable<Text>,
        org_id -> Nullable<Text>,
        external_user_id -> Nullable<Text>,
        scopes -> Array<Text>,
        consumer_key -> Text,
        consumer_secret_sealed -> Nullable<Bytea>,
        access_sealed -> Nullable<Bytea>,
        refresh_sealed -> Nullable<Bytea>,
        generation -> BigInt,
        refresh_started_at -> Nullable<Timestamptz>,
        broken_code -> Nullable<Text>,
        broken_at -> Nullable<Timestamptz>,
        connected_at -> Nullable<Timestamptz>,
        refreshed_at -> Nullable<Timestamptz>,
        limits_used -> Nullable<Integer>,
        limits_max -> Nullable<Integer>,
        limits_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    daemon_samples (at, daemon) {
        at -> Timestamptz,
        daemon -> Text,
        answers -> BigInt,
        errors -> BigInt,
        p50_ms -> Nullable<Double>,
        p95_ms -> Nullable<Double>,
        memory -> BigInt,
        disk_free -> BigInt,
        waiting -> BigInt,
        waited_seconds -> BigInt,
        dead -> BigInt,
        database_bytes -> BigInt,
        connections -> BigInt,
        unsealed -> BigInt,
    }
}

diesel::table! {
    daemons (name) {
        name -> Text,
        version -> Text,
        started_at -> Timestamptz,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    decision_inputs (tenant_id, decided_at, page_id, field_id) {
        tenant_id -> Uuid,
        decided_at -> Timestamptz,
        page_id -> Uuid,
        field_id -> Uuid,
        cells -> Jsonb,
    }
}

diesel::table! {
    device_grants (hash) {
        hash -> Bytea,
        user_code_hash -> Bytea,
        origin_sealed -> Bytea,
        state -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        polled_at -> Nullable<Timestamptz>,
        poll_seconds -> Integer,
        user_id -> Nullable<Uuid>,
        tenant_id -> Nullable<Uuid>,
        sso_provider_id -> Nullable<Uuid>,
        sso_tenant_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    erased_records (tenant_id, object, record_id) {
        tenant_id -> Uuid,
        object -> Text,
        record_id -> Text,
        erased_at -> Timestamptz,
    }
}

diesel::table! {
    factor_challenges (challenge_id) {
        challenge_id -> Uuid,
        user_id -> Uuid,
        purpose -> Text,
        hash -> Nullable<Bytea>,
        session_id -> Nullable<Uuid>,
        tenant_id -> Nullable<Uuid>,
        failures -> Integer,
        ceremony -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    grants_ending (tenant_id, ending_id) {
        tenant_id -> Uuid,
        ending_id -> Uuid,
        connection_id -> Uuid,
        provider -> Text,
        login_host -> Text,
        consumer_key -> Text,
        token_sealed -> Bytea,
        created_at -> Timestamptz,
        gives_up_at -> Timestamptz,
    }
}

diesel::table! {
    holiday_calendars (tenant_id, calendar_id) {
        tenant_id -> Uuid,
        calendar_id -> Uuid,
        name -> Text,
        days -> Jsonb,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    invitations (tenant_id, invitation_id) {
        tenant_id -> Uuid,
        invitation_id -> Uuid,
        email_hash -> Nullable<Bytea>,
        email_sealed -> Nullable<Bytea>,
        roles -> Array<Text>,
        owner -> Bool,
        invited_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        token_hash -> Nullable<Bytea>,
        sent_at -> Nullable<Timestamptz>,
        accepted_at -> Nullable<Timestamptz>,
        accepted_by -> Nullable<Uuid>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    jobs (tenant_id, job_id) {
        tenant_id -> Uuid,
        job_id -> Uuid,
        kind -> Text,
        payload -> Jsonb,
        state -> Text,
        run_at -> Timestamptz,
        attempts -> Integer,
        max_attempts -> Integer,
        dedupe_key -> Nullable<Text>,
        fence -> BigInt,
        lease_until -> Nullable<Timestamptz>,
        worker -> Nullable<Text>,
        error_code -> Nullable<Text>,
        error_detail -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    known_devices (user_id, device_hash) {
        user_id -> Uuid,
        device_hash -> Bytea,
        first_seen_at -> Timestamptz,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    layer_fields (tenant_id, field_id) {
        tenant_id -> Uuid,
        field_id -> Uuid,
        object -> Text,
        name -> Text,
        label -> Text,
        data_type -> Text,
        data_class -> Text,
        reason -> Text,
        searchable -> Bool,
        required -> Bool,
        added_by -> Nullable<Uuid>,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    layer_records (tenant_id, object, record_id) {
        tenant_id -> Uuid,
        object -> Text,
        record_id -> Text,
        owner_id -> Nullable<Text>,
        fields -> Jsonb,
        source_created_at -> Nullable<Timestamptz>,
        source_modified_at -> Timestamptz,
        imported_at -> Timestamptz,
    }
}

diesel::table! {
    layer_values (tenant_id, field_id, value, record_id) {
        tenant_id -> Uuid,
        field_id -> Uuid,
        value -> Text,
        record_id -> Text,
    }
}

diesel::table! {
    leases (tenant_id, name) {
        tenant_id -> Uuid,
        name -> Text,
        owner -> Text,
        fence -> BigInt,
        until -> Timestamptz,
    }
}

diesel::table! {
    machine_failures (tenant_id, object, record_id) {
        tenant_id -> Uuid,
        object -> Text,
        record_id -> Text,
        state -> Text,
        reason_code -> Nullable<Text>,
        attempts -> Integer,
        next_attempt_at -> Nullable<Timestamptz>,
        first_seen_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    machine_fields (tenant_id, object, name) {
        tenant_id -> Uuid,
        object -> Text,
        name -> Text,
        label -> Text,
        data_type -> Text,
        data_class -> Text,
        reason -> Text,
        searchable -> Bool,
        required -> Bool,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    machine_log (tenant_id, decided_at, assignment_id) {
        tenant_id -> Uuid,
        decided_at -> Timestamptz,
        assignment_id -> Uuid,
        object -> Text,
        record_id -> Text,
        rule_id -> Nullable<Uuid>,
        rule_version -> Nullable<BigInt>,
        rule_name -> Nullable<Text>,
        target_kind -> Text,
        target_id -> Uuid,
        rep_id -> Nullable<Uuid>,
        rep_name -> Nullable<Text>,
        new_owner -> Text,
        previous_owner -> Nullable<Text>,
        state -> Text,
        outcome_code -> Nullable<Text>,
        source_created_at -> Nullable<Timestamptz>,
        sent_at -> Nullable<Timestamptz>,
        written_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    machine_pool_members (tenant_id, pool_id, rep_id) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        rep_id -> Uuid,
        weight -> Integer,
    }
}

diesel::table! {
    machine_pools (tenant_id, pool_id) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        name -> Text,
        version -> BigInt,
        cap_hour -> Nullable<Integer>,
        cap_day -> Nullable<Integer>,
        cap_week -> Nullable<Integer>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    machine_records (tenant_id, object, record_id) {
        tenant_id -> Uuid,
        object -> Text,
        record_id -> Text,
        owner_id -> Nullable<Text>,
        fields -> Jsonb,
        source_created_at -> Nullable<Timestamptz>,
        source_modified_at -> Timestamptz,
        imported_at -> Timestamptz,
    }
}

diesel::table! {
    machine_reps (tenant_id, rep_id) {
        tenant_id -> Uuid,
        rep_id -> Uuid,
        external_id -> Text,
        name -> Text,
        active -> Bool,
        paused -> Bool,
        time_zone -> Nullable<Text>,
        cap_hour -> Nullable<Integer>,
        cap_day -> Nullable<Integer>,
        cap_week -> Nullable<Integer>,
        last_assigned_at -> Nullable<Timestamptz>,
        synced_at -> Timestamptz,
    }
}

diesel::table! {
    machine_values (tenant_id, object, name, value, record_id) {
        tenant_id -> Uuid,
        object -> Text,
        name -> Text,
        value -> Text,
        record_id -> Text,
    }
}

diesel::table! {
    members (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        email_sealed -> Bytea,
        roles -> Array<Text>,
        owner -> Bool,
        state -> Text,
        epoch -> Integer,
        joined_at -> Timestamptz,
        last_seen_at -> Nullable<Timestamptz>,
        totp -> Bool,
        passkeys -> BigInt,
        recovery_remaining -> BigInt,
    }
}

diesel::table! {
    memberships (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        roles -> Array<Text>,
        owner -> Bool,
        epoch -> Integer,
        created_at -> Timestamptz,
        state -> Text,
    }
}

diesel::table! {
    notices (tenant_id, kind, window_start, subject_id) {
        tenant_id -> Uuid,
        kind -> Text,
        window_start -> Timestamptz,
        subject_id -> Text,
        records -> BigInt,
        reasons -> Jsonb,
        state -> Text,
        sent_at -> Nullable<Timestamptz>,
        error_code -> Nullable<Text>,
    }
}

diesel::table! {
    oauth_clients (tenant_id, client_id) {
        tenant_id -> Uuid,
        client_id -> Uuid,
        name -> Text,
        redirect_uris -> Array<Text>,
        scopes -> Array<Text>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    oauth_codes (tenant_id, hash) {
        tenant_id -> Uuid,
        hash -> Bytea,
        grant_id -> Uuid,
        redirect_uri -> Text,
        challenge -> Text,
        used_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    oauth_grants (tenant_id, grant_id) {
        tenant_id -> Uuid,
        grant_id -> Uuid,
        client_id -> Uuid,
        user_id -> Uuid,
        scopes -> Array<Text>,
        resource -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        begun_at -> Nullable<Timestamptz>,
        renewed_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    oauth_states (tenant_id, state_hash) {
        tenant_id -> Uuid,
        state_hash -> Bytea,
        connection_id -> Uuid,
        session_id -> Uuid,
        verifier_sealed -> Bytea,
        new_organisation -> Bool,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    oauth_tokens (tenant_id, hash) {
        tenant_id -> Uuid,
        hash -> Bytea,
        grant_id -> Uuid,
        kind -> Text,
        used_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    passkey_sign_ins (hash) {
        hash -> Bytea,
        ceremony -> Jsonb,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    passkeys (passkey_id) {
        passkey_id -> Uuid,
        user_id -> Uuid,
        credential_id -> Bytea,
        credential -> Jsonb,
        name -> Text,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    password_history (user_id, replaced_at) {
        user_id -> Uuid,
        replaced_at -> Timestamptz,
        password_hash -> Text,
    }
}

diesel::table! {
    people (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        email_sealed -> Bytea,
        roles -> Array<Text>,
        owner -> Bool,
        state -> Text,
    }
}

diesel::table! {
    person_cases (tenant_id, case_id) {
        tenant_id -> Uuid,
        case_id -> Uuid,
        kind -> Text,
        subject -> Nullable<Uuid>,
        term_sealed -> Nullable<Bytea>,
        asked_by -> Uuid,
        asked_at -> Timestamptz,
        state -> Text,
        mentions -> Bool,
        place -> Nullable<Jsonb>,
        scanned -> BigInt,
        expected -> Nullable<BigInt>,
        generation -> BigInt,
        due_at -> Nullable<Timestamptz>,
        whole -> Nullable<Bool>,
        counts -> Jsonb,
        ended_at -> Nullable<Timestamptz>,
        error_code -> Nullable<Text>,
    }
}

diesel::table! {
    person_finds (tenant_id, case_id, place, row_key) {
        tenant_id -> Uuid,
        case_id -> Uuid,
        place -> Text,
        row_key -> Array<Text>,
        own -> Bool,
        fields -> Array<Text>,
    }
}

diesel::table! {
    pool_members (tenant_id, pool_id, rep_id) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        rep_id -> Uuid,
        weight -> Integer,
        credit -> BigInt,
    }
}

diesel::table! {
    pools (tenant_id, pool_id) {
        tenant_id -> Uuid,
        pool_id -> Uuid,
        name -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        calendar_id -> Nullable<Uuid>,
        cap_hour -> Nullable<Integer>,
        cap_day -> Nullable<Integer>,
        cap_week -> Nullable<Integer>,
    }
}

diesel::table! {
    quarantine (one) {
        one -> Bool,
        head -> Nullable<BigInt>,
        taken_at -> Timestamptz,
        restored_at -> Timestamptz,
        replaced -> Bool,
        routers -> Array<Uuid>,
        told -> Jsonb,
    }
}

diesel::table! {
    queues (tenant_id, queue_id) {
        tenant_id -> Uuid,
        queue_id -> Uuid,
        external_id -> Text,
        name -> Text,
        objects -> Array<Text>,
        synced_at -> Timestamptz,
    }
}

diesel::table! {
    recovery_codes (user_id, hash) {
        user_id -> Uuid,
        hash -> Bytea,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    refresh_tokens (token_id) {
        token_id -> Uuid,
        session_id -> Uuid,
        user_id -> Uuid,
        hash -> Bytea,
        issued_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        successor_id -> Nullable<Uuid>,
        successor_sealed -> Nullable<Bytea>,
        presented_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    removed_fields (tenant_id, field_id) {
        tenant_id -> Uuid,
        field_id -> Uuid,
        removed_at -> Timestamptz,
    }
}

diesel::table! {
    reps (tenant_id, rep_id) {
        tenant_id -> Uuid,
        rep_id -> Uuid,
        external_id -> Text,
        name -> Text,
        active -> Bool,
        paused -> Bool,
        last_assigned_at -> Nullable<Timestamptz>,
        synced_at -> Timestamptz,
        time_zone -> Nullable<Text>,
        hours -> Nullable<Array<Integer>>,
        calendar_id -> Nullable<Uuid>,
        cap_hour -> Nullable<Integer>,
        cap_day -> Nullable<Integer>,
        cap_week -> Nullable<Integer>,
        version -> BigInt,
    }
}

diesel::table! {
    reset_links (hash) {
        hash -> Bytea,
        user_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    routers (tenant_id, router_id) {
        tenant_id -> Uuid,
        router_id -> Uuid,
        object -> Text,
        state -> Text,
        enrollment -> Text,
        canonical -> Text,
        fallback -> Nullable<Jsonb>,
        cycle_seconds -> Integer,
        watermark -> Nullable<Timestamptz>,
        epoch -> Integer,
        activated_at -> Nullable<Timestamptz>,
        activated_by -> Nullable<Uuid>,
        last_cycle -> Nullable<Jsonb>,
        rules_version -> BigInt,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        published -> Nullable<BigInt>,
        recomputed -> Nullable<Jsonb>,
        territories -> Nullable<BigInt>,
    }
}

diesel::table! {
    routing_records (tenant_id, object, record_id) {
        tenant_id -> Uuid,
        object -> Text,
        record_id -> Text,
        router_id -> Uuid,
        state -> Text,
        reason_code -> Nullable<Text>,
        attempts -> Integer,
        next_attempt_at -> Nullable<Timestamptz>,
        assignment_id -> Nullable<Uuid>,
        assignment_at -> Nullable<Timestamptz>,
        claim -> Nullable<Uuid>,
        claim_until -> Nullable<Timestamptz>,
        first_seen_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    rule_versions (tenant_id, router_id, version) {
        tenant_id -> Uuid,
        router_id -> Uuid,
        version -> BigInt,
        content -> Jsonb,
        note -> Text,
        restores -> Nullable<BigInt>,
        published_at -> Timestamptz,
        published_by -> Nullable<Uuid>,
        territories -> Nullable<BigInt>,
    }
}

diesel::table! {
    rules (tenant_id, rule_id) {
        tenant_id -> Uuid,
        rule_id -> Uuid,
        router_id -> Uuid,
        position -> Integer,
        name -> Text,
        enabled -> Bool,
        condition -> Jsonb,
        target -> Jsonb,
        version -> BigInt,
        updated_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        unavailable -> Text,
    }
}

diesel::table! {
    schedules (tenant_id, name) {
        tenant_id -> Uuid,
        name -> Text,
        kind -> Text,
        payload -> Jsonb,
        every_seconds -> Integer,
        next_at -> Timestamptz,
        last_at -> Nullable<Timestamptz>,
        enabled -> Bool,
    }
}

diesel::table! {
    scim_group_members (tenant_id, group_id, user_id) {
        tenant_id -> Uuid,
        group_id -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    scim_groups (tenant_id, group_id) {
        tenant_id -> Uuid,
        group_id -> Uuid,
        name -> Text,
        external_id -> Nullable<Text>,
        roles -> Array<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    scim_tokens (tenant_id, token_id) {
        tenant_id -> Uuid,
        token_id -> Uuid,
        name -> Text,
        secret_hash -> Bytea,
        created_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    scim_users (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        user_name_hash -> Bytea,
        external_hash -> Nullable<Bytea>,
        profile_sealed -> Bytea,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (session_id) {
        session_id -> Uuid,
        user_id -> Uuid,
        tenant_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        last_used_at -> Timestamptz,
        device_sealed -> Nullable<Bytea>,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
        password_at -> Nullable<Timestamptz>,
        factor_at -> Nullable<Timestamptz>,
        client -> Text,
        sso_tenant_id -> Nullable<Uuid>,
        sso_provider_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    setup_codes (hash) {
        hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    signing_keys (key_id) {
        key_id -> Uuid,
        algorithm -> Text,
        state -> Text,
        public_pem -> Text,
        private_sealed -> Bytea,
        created_at -> Timestamptz,
        current_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sign_ups (sign_up_id) {
        sign_up_id -> Uuid,
        email_hash -> Bytea,
        details_sealed -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        token_hash -> Nullable<Bytea>,
        sent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    support_visits (tenant_id, visit_id) {
        tenant_id -> Uuid,
        visit_id -> Uuid,
        user_id -> Uuid,
        session_id -> Uuid,
        home_tenant -> Uuid,
        reason -> Text,
        wants_write -> Bool,
        break_glass -> Bool,
        consented_at -> Nullable<Timestamptz>,
        consented_by -> Nullable<Uuid>,
        started_at -> Timestamptz,
        ends_at -> Timestamptz,
        left_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sso_assertions (tenant_id, provider_id, assertion_hash) {
        tenant_id -> Uuid,
        provider_id -> Uuid,
        assertion_hash -> Bytea,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    sso_domains (tenant_id, domain) {
        tenant_id -> Uuid,
        domain -> Text,
        provider_id -> Uuid,
        verified_at -> Nullable<Timestamptz>,
        verified_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sso_flows (tenant_id, state_hash) {
        tenant_id -> Uuid,
        state_hash -> Bytea,
        provider_id -> Uuid,
        browser_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        link_user_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    sso_identities (tenant_id, issuer, subject) {
        tenant_id -> Uuid,
        issuer -> Text,
        subject -> Text,
        provider_id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sso_links (user_id) {
        user_id -> Uuid,
        provider_id -> Uuid,
        issuer -> Text,
        subject -> Text,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    sso_providers (tenant_id, provider_id) {
        tenant_id -> Uuid,
        provider_id -> Uuid,
        kind -> Text,
        name -> Text,
        enabled -> Bool,
        issuer -> Text,
        client_id -> Nullable<Text>,
        client_secret_sealed -> Nullable<Bytea>,
        scopes -> Array<Text>,
        groups_claim -> Text,
        role_map -> Jsonb,
        create_members -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        sign_in_url -> Nullable<Text>,
        sign_out_url -> Nullable<Text>,
        certificates -> Array<Text>,
        email_attribute -> Nullable<Text>,
        name_attribute -> Nullable<Text>,
        directory -> Nullable<Jsonb>,
    }
}

diesel::table! {
    sso_tickets (tenant_id, ticket_hash) {
        tenant_id -> Uuid,
        ticket_hash -> Bytea,
        provider_id -> Uuid,
        browser_hash -> Bytea,
        claims_sealed -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        link_user_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    tenant_deletions (tenant_id) {
        tenant_id -> Uuid,
        asked_by -> Text,
        by_operator -> Bool,
        asked_at -> Timestamptz,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    tenant_erasures (tenant_id) {
        tenant_id -> Uuid,
        asked_by -> Text,
        by_operator -> Bool,
        asked_at -> Timestamptz,
        begun_at -> Timestamptz,
        people -> Array<Uuid>,
        counts -> Jsonb,
        finished_at -> Nullable<Timestamptz>,
        statement -> Nullable<Text>,
        signature -> Nullable<Bytea>,
    }
}

diesel::table! {
    tenant_exports (tenant_id, export_id) {
        tenant_id -> Uuid,
        export_id -> Uuid,
        asked_by -> Uuid,
        asked_at -> Timestamptz,
        state -> Text,
        wrapped -> Nullable<Bytea>,
        files -> Jsonb,
        expected -> Nullable<BigInt>,
        generation -> BigInt,
        ready_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        claimed_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        error_code -> Nullable<Text>,
        scope -> Text,
        subject -> Nullable<Uuid>,
    }
}

diesel::table! {
    tenants (tenant_id) {
        tenant_id -> Uuid,
        name -> Text,
        state -> Text,
        created_at -> Timestamptz,
        trial_ends_at -> Nullable<Timestamptz>,
        trial_warned_at -> Nullable<Timestamptz>,
        version -> BigInt,
        factor_for_all -> Bool,
        sso_only -> Bool,
        appliance_sso -> Bool,
    }
}

diesel::table! {
    territory_sets (tenant_id, router_id, number) {
        tenant_id -> Uuid,
        router_id -> Uuid,
        number -> BigInt,
        content -> Jsonb,
        areas -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    time_off (tenant_id, time_off_id) {
        tenant_id -> Uuid,
        time_off_id -> Uuid,
        rep_id -> Uuid,
        first_day -> Date,
        last_day -> Date,
        reason -> Text,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        starts_at -> Nullable<Timestamptz>,
        ends_at -> Nullable<Timestamptz>,
        source -> Text,
    }
}

diesel::table! {
    totp_factors (user_id) {
        user_id -> Uuid,
        secret_sealed -> Bytea,
        created_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
        last_step -> Nullable<BigInt>,
        used_steps -> Array<BigInt>,
    }
}

diesel::table! {
    upkeep_marks (what) {
        what -> Text,
        at -> Timestamptz,
        detail -> Jsonb,
    }
}

diesel::table! {
    users (user_id) {
        user_id -> Uuid,
        email_hash -> Bytea,
        email_sealed -> Bytea,
        name -> Text,
        password_hash -> Nullable<Text>,
        super_admin -> Bool,
        state -> Text,
        created_at -> Timestamptz,
        home_tenant_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    visitors (tenant_id, visit_id) {
        tenant_id -> Uuid,
        visit_id -> Uuid,
        name -> Text,
    }
}

diesel::table! {
    siem_cursors (tenant_id, target_id) {
        tenant_id -> Uuid,
        target_id -> Uuid,
        next_position -> BigInt,
        again_position -> BigInt,
        next_head -> BigInt,
        again_head -> BigInt,
        sent -> BigInt,
        errors -> BigInt,
        last_sent_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        last_error_at -> Nullable<Timestamptz>,
        failing -> Bool,
        certificate_ends_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    siem_targets (tenant_id, target_id) {
        tenant_id -> Uuid,
        target_id -> Uuid,
        name -> Text,
        transport -> Text,
        format -> Text,
        address -> Text,
        authorities -> Nullable<Text>,
        client_certificate -> Nullable<Text>,
        client_key_sealed -> Nullable<Bytea>,
        token_sealed -> Nullable<Bytea>,
        actions -> Array<Text>,
        outcomes -> Array<Text>,
        enabled -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    verify_runs (tenant_id, run_id) {
        tenant_id -> Uuid,
        run_id -> Uuid,
        asked_by -> Text,
        version -> Text,
        started_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        done -> Integer,
        total -> Integer,
        whole -> Bool,
        failing -> Nullable<Integer>,
        unknown -> Nullable<Integer>,
        report -> Nullable<Jsonb>,
        statement -> Nullable<Text>,
        signature -> Nullable<Bytea>,
    }
}

diesel::table! {
    intents (tenant_id, intent_id) {
        tenant_id -> Uuid,
        intent_id -> Uuid,
        kind -> Text,
        subject -> Text,
        wish -> Jsonb,
        reason -> Text,
        grant_id -> Uuid,
        asked_at -> Timestamptz,
        state -> Text,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_deliveries (tenant_id, webhook_id, at, event_id) {
        tenant_id -> Uuid,
        webhook_id -> Uuid,
        at -> Timestamptz,
        event_id -> Uuid,
        event -> Text,
        body -> Text,
        state -> Text,
        attempts -> Integer,
        next_at -> Nullable<Timestamptz>,
        status -> Nullable<SmallInt>,
        code -> Nullable<Text>,
        tried_at -> Nullable<Timestamptz>,
        milliseconds -> Nullable<Integer>,
        replays -> Integer,
    }
}

diesel::table! {
    webhooks (tenant_id, webhook_id) {
        tenant_id -> Uuid,
        webhook_id -> Uuid,
        name -> Text,
        url -> Text,
        events -> Array<Text>,
        enabled -> Bool,
        long_retries -> Bool,
        secret_sealed -> Bytea,
        previous_sealed -> Nullable<Bytea>,
        previous_until -> Nullable<Timestamptz>,
        failures -> Integer,
        failing_since -> Nullable<Timestamptz>,
        stopped_code -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    api_rates,
    api_requests,
    assignments,
    attempt_counters,
    audit_heads,
    audit_keys,
    audit_leaves,
    audit_log,
    audit_nodes,
    authorization_codes,
    connections,
    daemon_samples,
    daemons,
    decision_inputs,
    device_grants,
    erased_records,
    factor_challenges,
    grants_ending,
    holiday_calendars,
    invitations,
    jobs,
    known_devices,
    layer_fields,
    layer_records,
    layer_values,
    leases,
    machine_failures,
    machine_fields,
    machine_log,
    machine_pool_members,
    machine_pools,
    machine_records,
    machine_reps,
    machine_values,
    members,
    memberships,
    notices,
    oauth_clients,
    oauth_codes,
    oauth_grants,
    oauth_states,
    oauth_tokens,
    passkey_sign_ins,
    passkeys,
    password_history,
    people,
    person_cases,
    person_finds,
    pool_members,
    pools,
    quarantine,
    queues,
    recovery_codes,
    refresh_tokens,
    removed_fields,
    reps,
    reset_links,
    routers,
    routing_records,
    rule_versions,
    rules,
    schedules,
    scim_group_members,
    scim_groups,
    scim_tokens,
    scim_users,
    sessions,
    setup_codes,
    siem_cursors,
    siem_targets,
    signing_keys,
    sign_ups,
    support_visits,
    sso_assertions,
    sso_domains,
    sso_flows,
    sso_identities,
    sso_links,
    sso_providers,
    sso_tickets,
    tenant_deletions,
    tenant_erasures,
    tenant_exports,
    tenants,
    territory_sets,
    time_off,
    totp_factors,
    upkeep_marks,
    users,
    verify_runs,
    visitors,
    intents,
    webhook_deliveries,
    webhooks,
);
