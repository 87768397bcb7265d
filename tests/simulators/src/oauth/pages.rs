//! The pages that a person sees: sign in, allow access, and what went wrong. No scripts.

const STYLE: &str = "body{font:16px system-ui,sans-serif;background:#f4f6f9;color:#16325c;margin:0}\
main{max-width:24rem;margin:4rem auto;padding:2rem;background:#fff;border:1px solid #d8dde6;\
border-radius:.5rem}label{display:block;margin:1rem 0 .25rem}input[type=text],\
input[type=password]{width:100%;padding:.6rem;box-sizing:border-box;font:inherit}button{\
margin:1.25rem .5rem 0 0;padding:.6rem 1.2rem;font:inherit;border:1px solid #0176d3;\
border-radius:.25rem;background:#0176d3;color:#fff}button.quiet{background:#fff;color:#0b5cab}\
.error{color:#8e030f}";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

pub(super) fn login(context: &str, hint: &str, error: Option<&str>) -> String {
    let error = error.map_or(String::new(), |error| {
        format!("<p class=\"error\" role=\"alert\">{}</p>", escape(error))
    });
    page(
        "Log in to the simulated CRM",
        &format!(
            "{error}<form method=\"post\" action=\"/services/oauth2/authorize/login\">\
             <input type=\"hidden\" name=\"context\" value=\"{}\">\
             <label for=\"username\">Username</label>\
             <input type=\"text\" id=\"username\" name=\"username\" autocomplete=\"username\" \
             value=\"{}\" required>\
             <label for=\"password\">Password</label>\
             <input type=\"password\" id=\"password\" name=\"password\" \
             autocomplete=\"current-password\" required>\
             <button type=\"submit\" id=\"login\">Log In</button></form>",
            escape(context),
            escape(hint)
        ),
    )
}

pub(super) fn consent(context: &str, client: &str, username: &str, scope: &str) -> String {
    let scopes: String = scope
        .split_whitespace()
        .map(|name| format!("<li>{}</li>", escape(name)))
        .collect();
    page(
        "Allow Access?",
        &format!(
            "<p><strong>{}</strong> is asking, as {}, for:</p><ul>{scopes}</ul>\
             <form method=\"post\" action=\"/services/oauth2/authorize/consent\">\
             <input type=\"hidden\" name=\"context\" value=\"{}\">\
             <button type=\"submit\" id=\"allow\" name=\"decision\" value=\"allow\">Allow</button>\
             <button type=\"submit\" id=\"deny\" class=\"quiet\" name=\"decision\" \
             value=\"deny\">Deny</button></form>",
            escape(client),
            escape(username),
            escape(context)
        ),
    )
}

pub(super) fn error(code: &str, description: &str) -> String {
    page(
        "OAuth Error",
        &format!(
            "<p class=\"error\" role=\"alert\">error={}&amp;error_description={}</p>",
            escape(code),
            escape(description)
        ),
    )
}
