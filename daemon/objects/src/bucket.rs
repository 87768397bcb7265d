//! One bucket: list, put, get, delete. A request is signed by its address (Signature Version 4, query parameters) and
//! tried again where that may help; each may be repeated without harm.

use std::{
    io::{Read, Write},
    sync::Arc,
    time::Duration,
};

use egress::{Http, Method, Request, Response};
use jiff::Timestamp;
use kernel::{Clock, Secret};
use rusty_s3::{Credentials, S3Action, UrlStyle, actions::ListObjectsV2};
use url::Url;

use crate::{BucketPlace, ObjectError, error::code, parts::part_size};

/// How long a signed address is good: as long as the request may take.
const SIGNED_FOR: Duration = Duration::from_secs(600);
/// Between attempts; there is one more than there are waits.
const WAITS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(15),
];
/// A page of a list has at most 1,000 names of at most 1,024 bytes.
const MOST_OF_A_LIST: usize = 8 << 20;

/// What lies in a bucket: the name is without the bucket's prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub name: String,
    /// Bytes.
    pub size: u64,
}

pub struct Bucket {
    place: rusty_s3::Bucket,
    prefix: String,
    key: Credentials,
    http: Http,
    clock: Arc<dyn Clock>,
}

impl Bucket {
    pub fn new(
        config: &BucketPlace,
        secret: &Secret<String>,
        http: Http,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ObjectError> {
        let wrong =
            |why: &dyn std::fmt::Display| ObjectError::Place(format!("{}: {why}", config.endpoint));
        let endpoint = Url::parse(&config.endpoint).map_err(|error| wrong(&error))?;
        let (name, region) = (config.name.clone(), config.region.clone());
        let place = rusty_s3::Bucket::new(endpoint, UrlStyle::Path, name, region)
            .map_err(|error| wrong(&error))?;
        Ok(Self {
            place,
            prefix: config.prefix.clone(),
            key: Credentials::new(config.access_key.clone(), secret.expose().trim()),
            http,
            clock,
        })
    }

    /// All objects below the prefix, by name.
    pub async fn list(&self) -> Result<Vec<Object>, ObjectError> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut action = self.place.list_objects_v2(Some(&self.key));
            action.with_prefix(self.prefix.as_str());
            if let Some(next) = next.take() {
                action.with_continuation_token(next);
            }
            let answer = self
                .ask(&action, |url| {
                    Request::new(Method::Get, url).most_response_bytes(MOST_OF_A_LIST)
                })
                .await?;
            let page = ListObjectsV2::parse_response(text(&answer)?)
                .map_err(|error| ObjectError::Unreadable(error.to_string()))?;
            found.extend(page.contents.into_iter().filter_map(|object| {
                Some(Object {
                    name: object.key.strip_prefix(&self.prefix)?.to_owned(),
                    size: object.size?,
                })
            }));
            match page.next_continuation_token {
                Some(token) => next = Some(token),
                None => return Ok(found),
            }
        }
    }

    /// Puts `size` bytes of `from` there; the object is there whole or not at all. `told` hears how many bytes are.
    pub async fn put(
        &self,
        name: &str,
        from: &mut impl Read,
        size: u64,
        told: &dyn Fn(u64),
    ) -> Result<(), ObjectError> {
        let object = self.full(name);
        let begin = self.place.create_multipart_upload(Some(&self.key), &object);
        let answer = self
            .ask(&begin, |url| Request::new(Method::Post, url))
            .await?;
        let begun = rusty_s3::actions::CreateMultipartUpload::parse_response(text(&answer)?)
            .map_err(|error| ObjectError::Unreadable(error.to_string()))?;
        let upload = begun.upload_id();
        let sent = self.parts(&object, upload, (from, size), told).await;
        if sent.is_err() {
            // What is left of it costs room and is nobody's object; that the first error is told matters more.
            let end = self
                .place
                .abort_multipart_upload(Some(&self.key), &object, upload);
            let _ = self
                .ask(&end, |url| Request::new(Method::Delete, url))
                .await;
        }
        sent
    }

    async fn parts(
        &self,
        object: &str,
        upload: &str,
        (from, size): (&mut impl Read, u64),
        told: &dyn Fn(u64),
    ) -> Result<(), ObjectError> {
        let most = part_size(size);
        let mut tags = Vec::new();
        let mut done: u64 = 0;
        for number in 1..=u16::MAX {
            let mut part = Vec::new();
            from.by_ref().take(most).read_to_end(&mut part)?;
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            // An empty object has one part, which is empty.
            if length == 0 && number > 1 {
                break;
            }
            let action = self
                .place
                .upload_part(Some(&self.key), object, number, upload);
            let answer = self
                .ask(&action, |url| {
                    Request::new(Method::Put, url)
                        .body("application/octet-stream", part.clone())
                        .timeout(SIGNED_FOR)
                })
                .await?;
            let tag = answer.header("etag").map(str::to_owned);
            tags.push(
                tag.ok_or_else(|| ObjectError::Unreadable(String::from("a part has no tag")))?,
            );
            done = done.saturating_add(length);
            told(done);
        }
        let end = self.place.complete_multipart_upload(
            Some(&self.key),
            object,
            upload,
            tags.iter().map(String::as_str),
        );
        let url = self.signed(&end);
        let body = end.body().into_bytes();
        self.complete(url, body).await
    }

    /// Asked once: a second time the bucket knows the upload no more. Its answer may be "200" and an error within.
    async fn complete(&self, url: String, body: Vec<u8>) -> Result<(), ObjectError> {
        let request = Request::new(Method::Post, url)
            .body("application/xml", body)
            .timeout(SIGNED_FOR);
        let answer = judged(self.http.send(request).await?)?;
        if text(&answer)?.contains("<Error>") {
            return Err(ObjectError::Refused {
                status: answer.status,
                code: code(answer.body()),
            });
        }
        Ok(())
    }

    /// Writes the `size` bytes of an object into `to`. `told` hears how many were.
    pub async fn get(
        &self,
        name: &str,
        size: u64,
        to: &mut impl Write,
        told: &dyn Fn(u64),
    ) -> Result<(), ObjectError> {
        let object = self.full(name);
        let most = part_size(size);
        let mut done: u64 = 0;
        while done < size {
            let last = done.saturating_add(most).min(size).saturating_sub(1);
            let expected = last.saturating_sub(done).saturating_add(1);
            let action = self.place.get_object(Some(&self.key), &object);
            let answer = self
                .ask(&action, |url| {
                    Request::new(Method::Get, url)
                        .header("range", &format!("bytes={done}-{last}"))
                        .most_response_bytes(usize::try_from(expected).unwrap_or(usize::MAX))
                        .timeout(SIGNED_FOR)
                })
                .await?;
            if u64::try_from(answer.body().len()).ok() != Some(expected) {
                return Err(ObjectError::Unreadable(String::from(
                    "the object is shorter than it was listed",
                )));
            }
            to.write_all(answer.body())?;
            done = last.saturating_add(1);
            told(done);
        }
        Ok(())
    }

    /// In a bucket that keeps versions, the one before stays as its settings say. One that is not there is gone.
    pub async fn delete(&self, name: &str) -> Result<(), ObjectError> {
        let object = self.full(name);
        let action = self.place.delete_object(Some(&self.key), &object);
        self.ask(&action, |url| Request::new(Method::Delete, url))
            .await?;
        Ok(())
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn ask<'a>(
        &self,
        action: &impl S3Action<'a>,
        request: impl Fn(String) -> Request,
    ) -> Result<Response, ObjectError> {
        for wait in WAITS {
            match self.once(request(self.signed(action))).await {
                Err(error) if error.may_pass() => tokio::time::sleep(wait).await,
                told => return told,
            }
        }
        self.once(request(self.signed(action))).await
    }

    async fn once(&self, request: Request) -> Result<Response, ObjectError> {
        judged(self.http.send(request).await?)
    }

    fn signed<'a>(&self, action: &impl S3Action<'a>) -> String {
        let now =
            Timestamp::from_second(self.clock.now().timestamp()).unwrap_or(Timestamp::UNIX_EPOCH);
        action.sign_with_time(SIGNED_FOR, &now).into()
    }
}

fn judged(answer: Response) -> Result<Response, ObjectError> {
    if answer.is_success() {
        return Ok(answer);
    }
    Err(ObjectError::Refused {
        status: answer.status,
        code: code(answer.body()),
    })
}

fn text(answer: &Response) -> Result<&str, ObjectError> {
    std::str::from_utf8(answer.body())
        .map_err(|_| ObjectError::Unreadable(String::from("it is no text")))
}
