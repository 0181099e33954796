//! The server itself, over HTTP.

use axum::Json;
use axum::extract::Path;
use iggy_binary_protocol::requests::system::{
    DescribeOptionsRequest, GetClientRequest, GetClientsRequest, GetClusterMetadataRequest,
    GetStatsRequest,
};
use iggy_binary_protocol::responses::clients::{ClientDetailsResponse, GetClientsResponse};
use iggy_binary_protocol::responses::system::{
    ClusterMetadataResponse, DescribeOptionsResponse, StatsResponse,
};
use iggy_binary_protocol::{WireEncode, codes};
use iggy_common::wire_conversions::{
    clients_from_wire, cluster_metadata_from_wire, option_specs_from_wire,
};
use iggy_common::{
    ClientInfo, ClientInfoDetails, ClusterMetadata, OptionSpec, OptionsScope, Stats,
};

use super::error::HttpError;
use super::identity::Identity;

pub(super) async fn ping() -> &'static str {
    "pong"
}

pub(super) async fn stats(identity: Identity) -> Result<Json<Stats>, HttpError> {
    let body = GetStatsRequest.to_bytes();
    let reply: StatsResponse = identity.read(codes::GET_STATS_CODE, &body).await?;
    Ok(Json(reply.into()))
}

pub(super) async fn describe_options(
    identity: Identity,
    Path(scope): Path<String>,
) -> Result<Json<Vec<OptionSpec>>, HttpError> {
    let scope: OptionsScope = scope.parse()?;
    let body = DescribeOptionsRequest {
        scope: scope.as_code(),
    }
    .to_bytes();
    let reply: DescribeOptionsResponse = identity.list(codes::DESCRIBE_OPTIONS_CODE, &body).await?;
    Ok(Json(option_specs_from_wire(reply)?))
}

/// There are no snapshots here; whoever may not have one is told that first.
pub(super) async fn snapshot(identity: Identity) -> HttpError {
    match identity
        .read::<StatsResponse>(codes::GET_SNAPSHOT_FILE_CODE, &[])
        .await
    {
        Ok(_) => HttpError::NotFound,
        Err(error) => error,
    }
}

pub(super) async fn cluster_metadata(
    identity: Identity,
) -> Result<Json<ClusterMetadata>, HttpError> {
    let body = GetClusterMetadataRequest.to_bytes();
    let code = codes::GET_CLUSTER_METADATA_CODE;
    let reply: ClusterMetadataResponse = identity.read(code, &body).await?;
    Ok(Json(cluster_metadata_from_wire(reply)?))
}

pub(super) async fn clients(identity: Identity) -> Result<Json<Vec<ClientInfo>>, HttpError> {
    let body = GetClientsRequest.to_bytes();
    let reply: GetClientsResponse = identity.list(codes::GET_CLIENTS_CODE, &body).await?;
    Ok(Json(clients_from_wire(reply)))
}

pub(super) async fn client(
    identity: Identity,
    Path(client_id): Path<u32>,
) -> Result<Json<ClientInfoDetails>, HttpError> {
    let body = GetClientRequest { client_id }.to_bytes();
    let reply: ClientDetailsResponse = identity.read(codes::GET_CLIENT_CODE, &body).await?;
    Ok(Json(reply.into()))
}
