//! The authenticator app of a person in a test whose clock stands still: it moves the clock when it has
//! given out every code that is accepted.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use kernel::{Clock, ManualClock};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use simulators::Authenticator;
use stack::{authenticator::unused, console::cookie};

const REFRESH: &str = "__Host-revkeep-refresh";
const SIGN_IN: &str = "__Host-revkeep-sign-in";

pub(crate) struct Phone {
    clock: Arc<ManualClock>,
    app: Mutex<Option<(Authenticator, i64)>>,
}

/// A request of the sign-in page: path, body, cookie, bearer token.
pub(crate) struct Ask<'a> {
    pub(crate) path: &'static str,
    pub(crate) body: Value,
    pub(crate) cookie: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
}

impl<'a> Ask<'a> {
    fn new(path: &'static str, body: Value) -> Self {
        Self {
            path,
            body,
            cookie: None,
            token: None,
        }
    }
    fn with_token(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }
    fn with_cookie(mut self, cookie: &'a str) -> Self {
        self.cookie = Some(cookie);
        self
    }
}

impl Phone {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            clock,
            app: Mutex::default(),
        }
    }

    pub(crate) fn add(&self, secret: &str) {
        *self.app.lock().unwrap() = Some((Authenticator::new(secret).unwrap(), i64::MIN));
    }

    /// A code that was not used yet and is accepted now.
    pub(crate) fn code(&self) -> String {
        let mut app = self.app.lock().unwrap();
        let (app, last) = app.as_mut().expect("no authenticator has been set up");
        loop {
            if let Some(step) = unused(self.clock.now().timestamp(), *last) {
                *last = step;
                return app.code(step);
            }
            self.clock.advance(TimeDelta::seconds(30));
        }
    }

    /// The code that the app shows at this moment, used or not.
    pub(crate) fn shown(&self) -> String {
        let app = self.app.lock().unwrap();
        let (app, _) = app.as_ref().expect("no authenticator has been set up");
        app.code(Authenticator::step(self.clock.now().timestamp()))
    }

    /// A code that has six digits and is none of those accepted now.
    pub(crate) fn wrong_code(&self) -> String {
        let app = self.app.lock().unwrap();
        let (app, _) = app.as_ref().expect("no authenticator has been set up");
        let step = Authenticator::step(self.clock.now().timestamp());
        let accepted: Vec<String> = (step - 1..=step + 1).map(|step| app.code(step)).collect();
        (0..4)
            .map(|number| format!("{number:06}"))
            .find(|code| !accepted.contains(code))
            .unwrap()
    }

    /// Sets up the factor of a session that has just shown its password.
    pub(crate) async fn enrol(&self, token: &str, ask: &impl AsyncFn(Ask<'_>) -> Response) {
        let begin = Ask::new("/me/factors/totp", json!({})).with_token(token);
        let setup = good(ask(begin).await).await;
        self.add(setup["secret"].as_str().unwrap());
        let confirm = json!({ "code": self.code() });
        let confirm = Ask::new("/me/factors/totp/confirm", confirm).with_token(token);
        good(ask(confirm).await).await;
    }

    /// Signs in: password, then a code where one is asked for; then sets up a factor where one is
    /// missing. The access token, and the refresh cookie as a browser sends it back.
    pub(crate) async fn sign_in(
        &self,
        (email, password): (&str, &str),
        ask: impl AsyncFn(Ask<'_>) -> Response,
    ) -> (String, String) {
        let body = json!({ "email": email, "password": password });
        let mut answer = ask(Ask::new("/session", body)).await;
        if let Some(waiting) = cookie(&answer, SIGN_IN) {
            let code = json!({ "totp": self.code() });
            answer = ask(Ask::new("/session/factor", code).with_cookie(&waiting)).await;
        }
        let refresh = cookie(&answer, REFRESH);
        let session = good(answer).await;
        let token = session["access_token"].as_str().unwrap().to_owned();
        if session["factor"]["required"] == true && session["factor"]["enrolled"] == false {
            self.enrol(&token, &ask).await;
        }
        (token, refresh.unwrap())
    }
}

async fn good(answer: Response) -> Value {
    let (url, status) = (answer.url().clone(), answer.status());
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{url}: {body}");
    body
}
