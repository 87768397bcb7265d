//! Routes as a list that can be read: path, method and requirement. A face builds its list from
//! handlers; the requirement comes from each handler's first argument, so list and code cannot differ,
//! and a test can walk the list.

use std::{collections::BTreeMap, rc::Rc};

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, ResponseError,
    http::{Method, StatusCode},
    web,
};

use crate::{
    access::{Access, Door, Watch, admit, note_knock, note_refusal},
    problem::Problem,
};

/// The arguments of a handler, the first of which is a [`Door`].
pub trait Guarded {
    const ACCESS: Access;
}

macro_rules! guarded {
    ($($rest:ident)*) => {
        impl<D: Door, $($rest),*> Guarded for (D, $($rest,)*) {
            const ACCESS: Access = D::ACCESS;
        }
    };
}
guarded! {}
guarded! { A }
guarded! { A B }
guarded! { A B C }
guarded! { A B C E }
guarded! { A B C E F }

/// One route of a face.
pub struct Route {
    pub method: Method,
    /// Below the face's base path, for example `/rules/{id}`.
    pub path: &'static str,
    pub access: Access,
    make: Box<dyn Fn() -> actix_web::Route>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.access)
    }
}

/// Collects routes: `Routes::new().get("/rules", list).post("/rules", create)`.
#[derive(Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn get<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, path, handler)
    }

    #[must_use]
    pub fn post<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, path, handler)
    }

    #[must_use]
    pub fn put<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PUT, path, handler)
    }

    #[must_use]
    pub fn patch<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PATCH, path, handler)
    }

    #[must_use]
    pub fn delete<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::DELETE, path, handler)
    }

    /// Adds another list, for example that of a module.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub fn list(&self) -> &[Route] {
        &self.0
    }

    fn on<F, Args>(mut self, method: Method, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: Guarded + FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let access = Args::ACCESS;
        let wanted = method.clone();
        let make = move || {
            let handler = handler.clone();
            web::method(wanted.clone()).to(move |request: HttpRequest, body: web::Payload| {
                answer(handler.clone(), access, request, body)
            })
        };
        self.0.push(Route {
            method,
            path,
            access,
            make: Box::new(make),
        });
        self
    }

    /// The resources for an actix scope. A path that is known under another method answers 405.
    pub fn into_resources(self) -> Vec<Resource> {
        let mut paths: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
        for route in self.0 {
            paths.entry(route.path).or_default().push(route);
        }
        // A fixed segment is matched before a variable one, whatever the order of the lists.
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort_by_key(|(path, _)| (path.matches('{').count(), *path));
        paths
            .into_iter()
            .map(|(path, routes)| resource(path, &routes))
            .collect()
    }
}

fn resource(path: &'static str, routes: &[Route]) -> Resource {
    let allowed: Rc<str> = routes
        .iter()
        .map(|route| route.method.as_str())
        .collect::<Vec<_>>()
        .join(", ")
        .into();
    routes
        .iter()
        .fold(web::resource(path), |resource, route| {
            resource.route((route.make)())
        })
        .default_service(web::to(move || {
            let problem = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not take that method.",
            );
            let problem = problem.allowing(allowed.to_string());
            async move { Err::<HttpResponse, _>(problem) }
        }))
}

/// Answers; a program's request is watched from its first moment to its last.
async fn answer<F, Args>(
    handler: F,
    access: Access,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, actix_web::Error>
where
    F: Handler<Args>,
    Args: FromRequest,
    F::Output: Responder + 'static,
{
    let Access::Program(_) = access else {
        return handle(handler, access, request, body).await;
    };
    let watch = Watch::begin(&request);
    let answered = handle(handler, access, request, body).await;
    let answered = answered.unwrap_or_else(HttpResponse::from_error);
    Ok(match watch {
        Some(watch) => watch.end(answered),
        None => answered,
    })
}

/// The requirement first, then the arguments, then the handler.
async fn handle<F, Args>(
    handler: F,
    access: Access,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, actix_web::Error>
where
    F: Handler<Args>,
    Args: FromRequest,
    F::Output: Responder + 'static,
{
    if let Err(problem) = admit(&request, access).await {
        if nobody_known(access, problem.status_code()) {
            note_knock(&request, problem.code());
        }
        return Err(problem.into());
    }
    let args = Args::from_request(&request, &mut body.into_inner())
        .await
        .map_err(Into::into)?;
    let answer = handler
        .call(args)
        .await
        .respond_to(&request)
        .map_into_boxed_body();
    if answer.status() == StatusCode::FORBIDDEN {
        let code = answer.error().and_then(|error| error.as_error::<Problem>());
        note_refusal(&request, code.map_or("denied", Problem::code)).await;
    }
    Ok(answer)
}

/// Whether a refusal at the door is of nobody known. Of who is known and lacks the right, the door itself
/// keeps a record.
const fn nobody_known(access: Access, status: StatusCode) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => matches!(access, Access::Public | Access::Knock | Access::Grant),
        _ => false,
    }
}
