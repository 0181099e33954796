use iggy::prelude::*;

use crate::support::{client_of, code, named, server_and_client};

async fn with_topics() -> (iggyctl_embedded::EmbeddedServer, IggyClient) {
    let (server, client) = server_and_client().await;
    client.create_stream("s").await.unwrap();
    let options = TopicCreateOptions {
        partitions_count: Some(3),
        ..Default::default()
    };
    for topic in ["t", "u"] {
        client
            .create_topic(&named("s"), topic, &options)
            .await
            .unwrap();
    }
    (server, client)
}

#[tokio::test]
async fn ids_of_groups_are_never_given_again() {
    let (_server, client) = with_topics().await;
    let (s, t, u) = (named("s"), named("t"), named("u"));
    let first = client.create_consumer_group(&s, &t, "g").await.unwrap();
    assert_eq!(
        (first.id, first.partitions_count, first.members_count),
        (0, 3, 0)
    );
    client
        .delete_consumer_group(&s, &t, &named("g"))
        .await
        .unwrap();
    assert_eq!(
        client.create_consumer_group(&s, &t, "g").await.unwrap().id,
        1
    );
    // The same name on another topic is another group.
    assert_eq!(
        client.create_consumer_group(&s, &u, "g").await.unwrap().id,
        0
    );
    let listed = client.get_consumer_groups(&s, &t).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id, listed[0].name.as_str()), (1, "g"));
}

#[tokio::test]
async fn errors_have_the_codes_of_the_real_server() {
    let (_server, client) = with_topics().await;
    let (s, t, g, no) = (named("s"), named("t"), named("g"), named("no"));
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    assert_eq!(code(client.create_consumer_group(&s, &t, "g").await), 5004);
    assert_eq!(code(client.create_consumer_group(&no, &t, "x").await), 1009);
    assert_eq!(code(client.create_consumer_group(&s, &no, "x").await), 2010);
    assert_eq!(code(client.delete_consumer_group(&s, &t, &no).await), 5000);
    assert_eq!(code(client.delete_consumer_group(&no, &t, &g).await), 1009);
    assert_eq!(code(client.delete_consumer_group(&s, &no, &g).await), 2010);
    assert_eq!(code(client.join_consumer_group(&s, &t, &no).await), 5000);
    assert_eq!(code(client.leave_consumer_group(&s, &t, &g).await), 5006);

    assert!(
        client
            .get_consumer_group(&s, &t, &no)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(code(client.get_consumer_group(&s, &no, &g).await), 2010);
    assert_eq!(code(client.get_consumer_group(&no, &t, &g).await), 1009);
    assert_eq!(code(client.get_consumer_groups(&s, &no).await), 2010);
    assert_eq!(code(client.get_consumer_groups(&no, &t).await), 1009);
}

#[tokio::test]
async fn members_share_the_partitions_until_they_leave() {
    let (server, client) = with_topics().await;
    let (s, t, g) = (named("s"), named("t"), named("g"));
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    let other = client_of(&server).await;
    client.join_consumer_group(&s, &t, &g).await.unwrap();
    other.join_consumer_group(&s, &t, &g).await.unwrap();
    let group = client
        .get_consumer_group(&s, &t, &g)
        .await
        .unwrap()
        .unwrap();
    let shares: Vec<_> = group.members.iter().map(|m| m.partitions.clone()).collect();
    assert_eq!(shares, [vec![0, 1], vec![2]]);
    assert_eq!(other.get_me().await.unwrap().consumer_groups_count, 1);

    // A logout ends the membership.
    other.logout_user().await.unwrap();
    let group = client
        .get_consumer_group(&s, &t, &g)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(group.members_count, 1);
    assert_eq!(group.members[0].partitions, [0, 1, 2]);
    client.leave_consumer_group(&s, &t, &g).await.unwrap();
    // A group with members can be deleted.
    client.join_consumer_group(&s, &t, &g).await.unwrap();
    client.delete_consumer_group(&s, &t, &g).await.unwrap();
    assert_eq!(client.get_me().await.unwrap().consumer_groups_count, 0);
}

#[tokio::test]
async fn the_test_kit_makes_members_up() {
    let (server, client) = with_topics().await;
    let (s, t, g) = (named("s"), named("t"), named("g"));
    client.create_consumer_group(&s, &t, "g").await.unwrap();
    server
        .testing()
        .set_group_members("s", "t", "g", 2)
        .unwrap();
    let group = client
        .get_consumer_group(&s, &t, &g)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(group.members_count, 2);
    assert!(
        server
            .testing()
            .set_group_members("s", "t", "no", 2)
            .is_err()
    );
}
