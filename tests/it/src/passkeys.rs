//! Passkeys (Web Authentication level 2) as a factor and as sign-in, by an authenticator in software, and
//! what is tried against them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use identity::{FactorAnswer, FactorKind, Grant, IdentityError, SignInStep};
use kernel::Principal;
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    sha::sha256,
    sign::Signer,
};
use serde_json::{Value, json};

use crate::{
    console_desk::SITE,
    identity::{EMAIL, House, PASSWORD, caller},
};

const HOME: &str = "192.0.2.1";
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// What an attacker changes about a device.
type Attack = fn(&mut Device);

/// A key on a device, and how the device (or an attacker's page) behaves.
#[derive(Clone)]
pub(crate) struct Device {
    key: PKey<Private>,
    id: Vec<u8>,
    user: Option<Vec<u8>>,
    counter: u32,
    origin: String,
    domain: String,
    flags: u8,
}

impl Device {
    pub(crate) fn new(id: &[u8]) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        Self {
            key,
            id: id.to_vec(),
            user: None,
            counter: 1,
            origin: SITE.to_owned(),
            domain: SITE.trim_start_matches("https://").to_owned(),
            flags: PRESENT | VERIFIED,
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = &options["publicKey"]["challenge"];
        assert!(challenge.as_str().unwrap().len() > 20, "{options}");
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn head(&self, flags: u8) -> Vec<u8> {
        let mut data = sha256(self.domain.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// The public key as COSE (RFC 9053 section 7.1.1): EC2, ES256, P-256.
    fn cose(&self) -> Vec<u8> {
        let ec = self.key.ec_key().unwrap();
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        ec.public_key()
            .affine_coordinates(ec.group(), &mut x, &mut y, &mut context)
            .unwrap();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(x.to_vec_padded(32).unwrap());
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(y.to_vec_padded(32).unwrap());
        cose
    }

    /// `navigator.credentials.create()`.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        let user = options["publicKey"]["user"]["id"].as_str().unwrap();
        self.user = Some(URL_SAFE_NO_PAD.decode(user).unwrap());
        let mut data = self.head(self.flags | ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(&self.client_data("webauthn.create", options)),
                "attestationObject": text(&object),
                "transports": ["internal"],
            },
        })
    }

    /// `navigator.credentials.get()`, with the counter one further.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let client = self.client_data("webauthn.get", options);
        let data = self.head(self.flags);
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        let signed = [data.as_slice(), &sha256(&client)].concat();
        let signature = signer.sign_oneshot_to_vec(&signed).unwrap();
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(&client), "authenticatorData": text(&data),
                "signature": text(&signature),
                "userHandle": self.user.as_deref().map(text),
            },
        })
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Ada, whose only factor is a passkey.
struct Ada {
    house: House,
    who: Principal,
    device: Device,
    recovery: usize,
}

impl Ada {
    async fn with_passkey() -> Self {
        let (house, grant) = House::set_up().await;
        house.identity.set_site(SITE);
        let who = house.who(&grant).await.unwrap();
        let mut device = Device::new(b"laptop");
        let here = caller(HOME);
        let options = house.identity.passkey_begin(&who, None, &here).await;
        let answer = device.create(&options.unwrap());
        let added = house.identity.passkey_add(&who, "Laptop", answer).await;
        let (_, codes) = added.unwrap();
        Self {
            house,
            who,
            device,
            recovery: codes.map_or(0, |codes| codes.len()),
        }
    }

    /// The right password: the cookie, and what the passkey is asked.
    async fn challenge(&self) -> (String, Value) {
        match self.house.sign_in_step(EMAIL, PASSWORD, HOME).await {
            Ok(SignInStep::Factor(challenge)) => {
                assert!(challenge.factors.contains(&FactorKind::Passkey));
                (
                    challenge.cookie.expose().clone(),
                    challenge.passkey.unwrap(),
                )
            }
            _ => panic!("no question for a factor"),
        }
    }

    async fn answer(&self, cookie: &str, answer: Value) -> Result<Grant, IdentityError> {
        self.house
            .identity
            .sign_in_factor(cookie, FactorAnswer::Passkey(answer), &caller(HOME))
            .await
    }

    /// Begins a sign-in by passkey alone: the cookie, and what is asked.
    async fn alone(&self) -> (String, Value) {
        let begun = self.house.identity.passkey_sign_in_begin().await.unwrap();
        (begun.cookie.expose().clone(), begun.options)
    }

    async fn answer_alone(&self, cookie: &str, answer: Value) -> Result<Grant, IdentityError> {
        self.house
            .identity
            .passkey_sign_in(cookie, answer, &caller(HOME))
            .await
    }
}

fn is_wrong(result: &Result<Grant, IdentityError>) -> bool {
    matches!(
        result,
        Err(IdentityError::FactorInvalid { .. } | IdentityError::PasskeyInvalid)
    )
}

#[tokio::test]
async fn a_passkey_is_a_factor_with_a_name_and_a_last_use() {
    let mut ada = Ada::with_passkey().await;
    assert_eq!(ada.recovery, 8, "the first factor brings the codes");
    let own = ada.house.identity.factors(&ada.who).await.unwrap();
    assert!(!own.prompt && own.totp.is_none());
    assert_eq!(own.passkeys[0].name, "Laptop");
    assert!(own.passkeys[0].last_used_at.is_none());

    let (cookie, options) = ada.challenge().await;
    assert_eq!(
        options["publicKey"]["allowCredentials"][0]["id"],
        text(b"laptop")
    );
    let answer = ada.device.get(&options);
    assert!(ada.answer(&cookie, answer.clone()).await.is_ok());
    let own = ada.house.identity.factors(&ada.who).await.unwrap();
    assert!(own.passkeys[0].last_used_at.is_some());

    let id = own.passkeys[0].id;
    let renamed = ada
        .house
        .identity
        .passkey_rename(&ada.who, id, " Work laptop ")
        .await;
    assert_eq!(renamed.unwrap().name, "Work laptop");
    let last = ada.house.identity.passkey_remove(&ada.who, id).await;
    assert!(
        matches!(last, Err(IdentityError::FactorRequired)),
        "an administrator's last factor stays"
    );
    assert_eq!(
        ada.house
            .identity
            .factors(&ada.who)
            .await
            .unwrap()
            .passkeys
            .len(),
        1
    );
}

/// Each answer that must not open anything, first as a factor, then as a sign-in of its own.
#[tokio::test]
async fn an_answer_for_another_place_question_or_person_is_refused() {
    let mut ada = Ada::with_passkey().await;
    let attacks: [(&str, Attack); 5] = [
        ("another origin", |device| {
            device.origin = "https://revkeep.example.evil.example".to_owned();
        }),
        ("another port", |device| {
            device.origin = "https://revkeep.example:8443".to_owned();
        }),
        ("another domain", |device| {
            device.domain = "evil.example".to_owned();
        }),
        ("no PIN, no fingerprint", |device| device.flags = PRESENT),
        ("another key", |device| {
            device.key = Device::new(b"laptop").key;
        }),
    ];
    for (what, attack) in attacks {
        let mut device = ada.device.clone();
        attack(&mut device);
        let (cookie, options) = ada.challenge().await;
        let refused = ada.answer(&cookie, device.get(&options)).await;
        assert!(is_wrong(&refused), "{what}");
        let (cookie, options) = ada.alone().await;
        let refused = ada.answer_alone(&cookie, device.get(&options)).await;
        assert!(is_wrong(&refused), "{what}, alone");
        ada.house.advance(TimeDelta::minutes(15));
    }
    let (cookie, options) = ada.challenge().await;
    let answer = ada.device.get(&options);
    assert!(ada.answer(&cookie, answer.clone()).await.is_ok());
    let (cookie, _) = ada.challenge().await;
    let replayed = ada.answer(&cookie, answer).await;
    assert!(is_wrong(&replayed), "an answer to an older question");

    // Eve has a passkey of her own, and answers Ada's question with it.
    let mut eve = Device::new(b"eve");
    let (_, user) = ada.house.bed.seeded();
    eve.user = Some(user.uuid().as_bytes().to_vec());
    ada.house.bed.owner(&format!(
        "UPDATE passkeys SET user_id = '{0}', credential_id = 'eve' WHERE name = 'k'; \
         DELETE FROM recovery_codes WHERE user_id = '{0}'",
        user.uuid()
    ));
    let (cookie, options) = ada.challenge().await;
    let foreign = ada.answer(&cookie, eve.get(&options)).await;
    assert!(is_wrong(&foreign), "another person's passkey");
    let mut claims = ada.device.clone();
    claims.user = eve.user.clone();
    let (cookie, options) = ada.challenge().await;
    let claimed = ada.answer(&cookie, claims.get(&options)).await;
    assert!(is_wrong(&claimed), "a passkey that names another person");
}

/// A copy of an authenticator shows by a counter that does not rise.
#[tokio::test]
async fn a_copied_authenticator_is_refused() {
    let mut ada = Ada::with_passkey().await;
    let mut copy = ada.device.clone();
    let (cookie, options) = ada.challenge().await;
    let answer = ada.device.get(&options);
    assert!(ada.answer(&cookie, answer).await.is_ok());
    let (cookie, options) = ada.challenge().await;
    let copied = ada.answer(&cookie, copy.get(&options)).await;
    assert!(is_wrong(&copied), "the same counter again");
    let (cookie, options) = ada.alone().await;
    copy.counter = 0;
    let copied = ada.answer_alone(&cookie, copy.get(&options)).await;
    assert!(is_wrong(&copied), "a counter that went back");
    let (cookie, options) = ada.challenge().await;
    let answer = ada.device.get(&options);
    assert!(
        ada.answer(&cookie, answer).await.is_ok(),
        "the original goes on"
    );
}

#[tokio::test]
async fn a_passkey_alone_signs_in_once_per_question() {
    let mut ada = Ada::with_passkey().await;
    let (cookie, options) = ada.alone().await;
    assert_eq!(
        options["publicKey"]["allowCredentials"],
        json!([]),
        "nobody's passkeys are told"
    );
    let answer = ada.device.get(&options);
    let grant = ada.answer_alone(&cookie, answer.clone()).await.unwrap();
    assert!(grant.view.fresh_until.is_some());
    let again = ada.answer_alone(&cookie, answer).await;
    assert!(matches!(again, Err(IdentityError::ChallengeVoid)));

    let (cookie, options) = ada.alone().await;
    let mut nameless = ada.device.clone();
    nameless.user = None;
    let refused = ada.answer_alone(&cookie, nameless.get(&options)).await;
    assert!(is_wrong(&refused), "nobody is named");
    let after = ada
        .answer_alone(&cookie, ada.device.clone().get(&options))
        .await;
    assert!(
        matches!(after, Err(IdentityError::ChallengeVoid)),
        "a wrong answer uses the question up"
    );

    let (cookie, options) = ada.alone().await;
    ada.house.advance(TimeDelta::minutes(10));
    let answer = ada.device.get(&options);
    let late = ada.answer_alone(&cookie, answer).await;
    assert!(matches!(late, Err(IdentityError::ChallengeVoid)));

    let (cookie, options) = ada.alone().await;
    ada.house
        .bed
        .owner("UPDATE users SET state = 'deactivated'");
    let answer = ada.device.get(&options);
    let refused = ada.answer_alone(&cookie, answer).await;
    assert!(is_wrong(&refused), "who is deactivated is an unknown one");
}

#[tokio::test]
async fn a_new_passkey_answers_its_own_question_once() {
    let ada = Ada::with_passkey().await;
    let identity = &ada.house.identity;
    let begin = async || identity.passkey_begin(&ada.who, None, &caller(HOME)).await;
    let add = async |answer: Value| identity.passkey_add(&ada.who, "Key", answer).await;
    let mut key = Device::new(b"key");
    let options = begin().await.unwrap();
    assert_eq!(
        options["publicKey"]["excludeCredentials"][0]["id"],
        text(b"laptop")
    );
    let mut elsewhere = key.clone();
    elsewhere.origin = "https://evil.example".to_owned();
    let refused = add(elsewhere.create(&options)).await;
    assert!(matches!(refused, Err(IdentityError::PasskeyUnfit)));
    let mut unlocked = key.clone();
    unlocked.flags = PRESENT;
    let refused = add(unlocked.create(&options)).await;
    assert!(matches!(refused, Err(IdentityError::PasskeyUnfit)));
    let mut same = Device::new(b"laptop");
    let refused = add(same.create(&options)).await;
    assert!(
        matches!(refused, Err(IdentityError::PasskeyUnfit)),
        "that id is there already"
    );
    let answer = key.create(&options);
    let (added, codes) = add(answer.clone()).await.unwrap();
    assert_eq!((added.name.as_str(), codes.is_some()), ("Key", false));
    let again = add(answer).await;
    assert!(matches!(again, Err(IdentityError::ChallengeVoid)));

    // Two factors: one may go, and takes nothing else along.
    identity.passkey_remove(&ada.who, added.id).await.unwrap();
    let own = identity.factors(&ada.who).await.unwrap();
    assert_eq!(
        (own.passkeys.len(), own.recovery.unwrap().remaining),
        (1, 8)
    );
    ada.house.advance(TimeDelta::minutes(5));
    let stale = begin().await;
    assert!(matches!(stale, Err(IdentityError::FreshFactorRequired)));
}

#[tokio::test]
async fn a_passkey_makes_a_session_fresh_again() {
    let mut ada = Ada::with_passkey().await;
    ada.house.advance(TimeDelta::minutes(5));
    let begun = ada.house.identity.step_up_begin(&ada.who).await.unwrap();
    assert_eq!(begun.factors, [FactorKind::Passkey]);
    let options = begun.passkey.unwrap();
    let mut copy = ada.device.clone();
    copy.flags = PRESENT;
    let wrong = FactorAnswer::Passkey(copy.get(&options));
    let wrong = ada.house.identity.step_up(&ada.who, wrong).await;
    assert!(matches!(
        wrong,
        Err(IdentityError::FactorInvalid { remaining: 2 })
    ));
    let right = FactorAnswer::Passkey(ada.device.get(&options));
    assert!(ada.house.identity.step_up(&ada.who, right).await.is_ok());
    assert!(ada.house.identity.factor_fresh(&ada.who).await.is_ok());
}

#[tokio::test]
async fn what_is_no_answer_of_a_browser_is_refused_before_it_counts() {
    let ada = Ada::with_passkey().await;
    let (cookie, _) = ada.challenge().await;
    for nonsense in [
        json!({}),
        json!(null),
        json!("x"),
        json!({ "id": 1, "response": [] }),
    ] {
        let refused = ada.answer(&cookie, nonsense.clone()).await;
        assert!(matches!(refused, Err(IdentityError::PasskeyInvalid)));
        let refused = ada.answer_alone(&cookie, nonsense).await;
        assert!(matches!(refused, Err(IdentityError::PasskeyInvalid)));
    }
    assert_eq!(
        ada.house
            .rows("SELECT failures FROM factor_challenges WHERE purpose = 'sign_in'"),
        ["0"]
    );
}
