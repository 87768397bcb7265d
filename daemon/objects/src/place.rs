//! Where a bucket is. The secret part of its key stands elsewhere.

#[derive(Clone, Debug)]
pub struct BucketPlace {
    /// `https://host` or `https://host:port`. One of the intranet stands in egress.private_endpoints too.
    pub endpoint: String,
    pub name: String,
    /// As the bucket's own settings say; servers other than Amazon's mostly take any.
    pub region: String,
    /// What every name begins with, so that a bucket may serve others as well: `revkeep/`.
    pub prefix: String,
    /// The public part of the key.
    pub access_key: String,
}
