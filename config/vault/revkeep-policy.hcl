# All that Revkeep may do in Vault or OpenBao. Anything that is not listed is refused, also the
# `default` policy: give the AppRole token_no_default_policy=true.
#
#   bao policy write revkeep /etc/revkeep/vault/revkeep-policy.hcl
#   bao write auth/approle/role/revkeep token_policies=revkeep token_no_default_policy=true \
#       token_ttl=1h token_max_ttl=24h
#
# The mounts are `transit` and `secret` (KV version 2). If yours are named otherwise, change them
# here and in [secrets.vault].

# --- The tenants' keys -----------------------------------------------------------------------
# One key per tenant. Revkeep makes it (derived, never exportable), rotates it, and destroys it
# when the tenant is erased. The list of parameters is closed, so this rule cannot make a key
# exportable, take a plain backup, or move the oldest version that still decrypts. Reading a key's
# description is not granted.
path "transit/keys/revkeep-t-*" {
  capabilities = ["create", "update", "delete"]
  allowed_parameters = {
    "type"             = ["aes256-gcm96"]
    "derived"          = [true]
    "deletion_allowed" = [true]
  }
}

path "transit/datakey/plaintext/revkeep-t-*" {
  capabilities = ["update"]
}
path "transit/decrypt/revkeep-t-*" {
  capabilities = ["update"]
}
path "transit/rewrap/revkeep-t-*" {
  capabilities = ["update"]
}

# --- The platform's own key ------------------------------------------------------------------
# The same, but it is never destroyed.
path "transit/keys/revkeep-platform" {
  capabilities = ["create", "update"]
  allowed_parameters = {
    "type"    = ["aes256-gcm96"]
    "derived" = [true]
  }
}
path "transit/keys/revkeep-platform/rotate" {
  capabilities = ["update"]
}
path "transit/datakey/plaintext/revkeep-platform" {
  capabilities = ["update"]
}
path "transit/decrypt/revkeep-platform" {
  capabilities = ["update"]
}
path "transit/rewrap/revkeep-platform" {
  capabilities = ["update"]
}

# --- The key that signs heads of the audit log -------------------------------------------------
# Ed25519. Its description is read for the public halves, which is all that it tells.
path "transit/keys/revkeep-audit" {
  capabilities = ["create", "update", "read"]
  allowed_parameters = {
    "type" = ["ed25519"]
  }
}
path "transit/keys/revkeep-audit/rotate" {
  capabilities = ["update"]
}
path "transit/sign/revkeep-audit" {
  capabilities = ["update"]
}

# --- Named secrets ---------------------------------------------------------------------------
# The password pepper, the key of the database context and the like: read and written, never
# listed, deleted or destroyed.
path "secret/data/revkeep/*" {
  capabilities = ["create", "read", "update"]
}

# --- Revkeep's own token ---------------------------------------------------------------------
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
