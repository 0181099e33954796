use super::*;
use crate::state::desired::DesiredState;
use crate::testing::{declare_group, declare_stream, declare_topic};

fn small() -> DesiredState {
    let mut desired = DesiredState::default();
    declare_topic(&mut desired, "orders", "events").partitions = Some(6);
    declare_group(&mut desired, "orders", "events", "billing");
    declare_group(&mut desired, "orders", "events", "audit");
    declare_topic(&mut desired, "orders", "wide").partitions = Some(100);
    declare_stream(&mut desired, "payments");
    desired
}

#[test]
fn a_small_topology() {
    let graph = TopologyGraph::of_manifests(&small());
    insta::assert_snapshot!("small_svg", graph.to_svg());
    insta::assert_snapshot!("small_mermaid", graph.to_mermaid());
}

#[test]
fn nothing_overlaps_and_everything_is_inside() {
    let graph = TopologyGraph::of_manifests(&small());
    let selection = selection::Selection::of(&graph, selection::Cap::PICTURE);
    let drawing = layout::draw(&selection, 5).unwrap();
    let mut boxes: Vec<layout::Place> = drawing.streams.iter().map(|it| it.place).collect();
    for stream in &drawing.streams {
        for topic in &stream.topics {
            assert!(is_inside(&topic.place, &stream.place));
            let mut last = topic.name.x + topic.name.width;
            for (group, ..) in &topic.groups {
                assert!(group.x >= last, "groups overlap");
                last = group.x + group.width;
            }
            assert!(last <= topic.place.x + topic.place.width);
        }
    }
    boxes.push(layout::Place {
        x: 0.0,
        y: 0.0,
        width: drawing.width,
        height: drawing.height,
    });
    let picture = boxes.pop().unwrap();
    for (place, one) in boxes.iter().enumerate() {
        assert!(is_inside(one, &picture));
        for other in &boxes[place + 1..] {
            let apart = one.x + one.width <= other.x
                || other.x + other.width <= one.x
                || one.y + one.height <= other.y
                || other.y + other.height <= one.y;
            assert!(apart, "{one:?} {other:?}");
        }
    }
}

fn is_inside(inner: &layout::Place, outer: &layout::Place) -> bool {
    inner.x >= outer.x
        && inner.y >= outer.y
        && inner.x + inner.width <= outer.x + outer.width + 0.5
        && inner.y + inner.height <= outer.y + outer.height + 0.5
}

#[test]
fn ten_thousand_topics_are_a_picture_that_says_how_many_it_leaves_out() {
    let mut desired = DesiredState::default();
    for number in 0..10_000 {
        let (stream, topic) = (format!("s-{:03}", number / 100), format!("t-{number}"));
        declare_topic(&mut desired, &stream, &topic);
        for group in 0..6 {
            declare_group(&mut desired, &stream, &topic, &format!("g-{group}"));
        }
    }
    let graph = TopologyGraph::of_manifests(&desired);
    let (svg, mermaid) = (graph.to_svg(), graph.to_mermaid());
    for picture in [&svg, &mermaid] {
        for more in ["more streams", "more topics", "more groups"] {
            assert!(picture.contains(more), "{more}");
        }
    }
    assert!(svg.contains("88 more streams") && svg.contains("90 more topics"));
    assert!(svg.len() < 400_000, "{}", svg.len());
    assert!(mermaid.len() < 50_000 && mermaid.matches(" --- ").count() < 500);
}

#[test]
fn the_same_topology_is_the_same_picture() {
    let (one, two) = (small(), small());
    assert_eq!(
        TopologyGraph::of_manifests(&one).to_svg(),
        TopologyGraph::of_manifests(&two).to_svg()
    );
}
