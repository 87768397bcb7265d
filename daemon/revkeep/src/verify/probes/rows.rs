//! What the tables hold, counted across tenants by the database itself: no content comes back.

use db::Counted;

use crate::verify::{
    Sight,
    verdict::{Trouble, Verdict},
};

async fn counted(sight: &Sight, rule: &str, kept: &str, broken: &str) -> Result<Verdict, Trouble> {
    let census = sight.db.system(|tx| tx.verify_census()).await?;
    judged(&census, rule, kept, broken)
}

/// The rule of that name, in words.
pub(super) fn judged(
    census: &[Counted],
    rule: &str,
    kept: &str,
    broken: &str,
) -> Result<Verdict, Trouble> {
    let count = census
        .iter()
        .find(|count| count.rule == rule)
        .ok_or_else(|| format!("the database counts no {rule}"))?;
    Ok(if count.broken > 0 {
        Verdict::Fails(format!("{} of {} {broken}", count.broken, count.seen))
    } else {
        Verdict::Holds(format!("{} looked at: {kept}", count.seen))
    })
}

pub(in crate::verify) async fn sessions_capped(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "sessions_beyond_cap",
        "no open session lives longer than 7 days",
        "open sessions live longer than 7 days",
    )
    .await
}

/// A restored appliance in quarantine uses nothing that was open at the backup.
pub(in crate::verify) async fn restored_held(sight: &Sight) -> Result<Verdict, Trouble> {
    let (standing, census) = sight
        .db
        .system(|tx| Ok::<_, db::DbError>((tx.quarantine_standing()?, tx.quarantine_census()?)))
        .await?;
    if standing.is_none() {
        return Ok(Verdict::Holds(
            "not in quarantine; the functions that hold work are as shipped".to_owned(),
        ));
    }
    let sessions = judged(
        &census,
        "sessions_of_before",
        "no session of before the restore is open",
        "sessions of before the restore are open",
    )?;
    let Verdict::Holds(_) = sessions else {
        return Ok(sessions);
    };
    judged(
        &census,
        "tokens_of_before",
        "in quarantine: no session of before is open, and no token of before is there to be presented",
        "connections hold a token of before the restore",
    )
}

pub(in crate::verify) async fn password_hashes_strong(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "password_hashes_weak",
        "each stored password is bcrypt of cost 12 or more",
        "stored passwords are not bcrypt of cost 12 or more",
    )
    .await
}

pub(in crate::verify) async fn key_hashes_strong(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "key_hashes_weak",
        "each interface key is bcrypt of cost 12 or more",
        "interface keys are not bcrypt of cost 12 or more",
    )
    .await
}

pub(in crate::verify) async fn reset_links_short(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "reset_links_long",
        "no unused link lives longer than an hour",
        "unused reset links live longer than an hour",
    )
    .await
}

pub(in crate::verify) async fn invitations_short(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "invitations_long",
        "no open invitation lasts longer than 7 days",
        "open invitations last longer than 7 days",
    )
    .await
}

pub(in crate::verify) async fn states_short(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "states_long",
        "no state of an authorization lives longer than 10 minutes",
        "states of authorizations live longer than 10 minutes",
    )
    .await
}

pub(in crate::verify) async fn tokens_sealed(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "tokens_clear",
        "each token and secret of a connection is a sealed envelope",
        "tokens or secrets of connections are not sealed envelopes",
    )
    .await
}

pub(in crate::verify) async fn keys_sealed(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "keys_clear",
        "each signing key and second factor's secret is a sealed envelope",
        "signing keys or second factors' secrets are not sealed envelopes",
    )
    .await
}

pub(in crate::verify) async fn addresses_sealed(sight: &Sight) -> Result<Verdict, Trouble> {
    counted(
        sight,
        "addresses_clear",
        "each person's and invitation's address is a sealed envelope",
        "addresses of people or invitations are not sealed envelopes",
    )
    .await
}
