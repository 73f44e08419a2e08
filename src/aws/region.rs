//! The region that a person's configuration names.

use aws_config::meta::region::RegionProviderChain;

/// The region of `AWS_REGION` or of the profile; `None` if neither names one.
pub async fn default_region() -> Option<String> {
    RegionProviderChain::default_provider().region().await.map(|region| region.as_ref().to_owned())
}
