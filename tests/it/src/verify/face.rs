//! A server as weak as one can be: what `revkeep verify` must find.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    pkey::{PKey, Private},
    rsa::Rsa,
    ssl::{SslAcceptor, SslMethod, SslOptions, SslVersion},
    x509::{X509, X509NameBuilder},
};

pub(super) struct Weak {
    pub(super) port: u16,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/// Serves until the process ends.
pub(super) fn weak() -> Weak {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let acceptor = acceptor.clone();
            thread::spawn(move || answer(stream, &acceptor));
        }
    });
    Weak { port }
}

/// TLS begins with the byte 22; anything else is answered in clear.
fn answer(mut stream: TcpStream, acceptor: &SslAcceptor) {
    let mut first = [0];
    let mut request = [0; 4096];
    match stream.peek(&mut first) {
        Ok(1) if first == [22] => {
            let Ok(mut spoken) = acceptor.accept(stream) else {
                return;
            };
            let _ = spoken.read(&mut request);
            let _ = spoken.write_all(ANSWER);
            let _ = spoken.shutdown();
        }
        Ok(1) => {
            let _ = stream.read(&mut request);
            let _ = stream.write_all(ANSWER);
        }
        _ => {}
    }
}

fn acceptor() -> SslAcceptor {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut builder = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
    builder.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    builder
        .set_min_proto_version(Some(SslVersion::TLS1))
        .unwrap();
    builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    builder.set_certificate(&certificate(&key)).unwrap();
    builder.set_private_key(&key).unwrap();
    builder.build()
}

/// Ends in three days, and a little.
fn certificate(key: &PKey<Private>) -> X509 {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder
        .set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(key).unwrap();
    let end = kernel::Clock::now(&kernel::SystemClock).timestamp() + 3 * 86_400 + 3_600;
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::from_unix(end).unwrap())
        .unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}
