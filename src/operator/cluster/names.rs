use iggyctl_core::api::v1alpha1::Kind;
use kube::api::ApiResource;

use crate::operator::resources::{GROUP, RESOURCES, VERSION};

/// How a kind is asked for.
pub(super) fn resource(kind: Kind) -> ApiResource {
    let plural = RESOURCES.iter().find(|it| it.kind == kind);
    ApiResource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        api_version: format!("{GROUP}/{VERSION}"),
        kind: kind.as_str().to_owned(),
        plural: plural.map_or("", |it| it.plural).to_owned(),
    }
}

/// The kinds that declare something on a server.
pub(crate) const DECLARING: [Kind; 6] = [
    Kind::IggyTopology,
    Kind::IggyStream,
    Kind::IggyTopic,
    Kind::IggyConsumerGroup,
    Kind::IggyUser,
    Kind::IggyAccessToken,
];
