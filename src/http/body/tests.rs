//! Content types, the bound on one body, and the budget of all bodies together.

use super::*;

fn declared(values: &[&str]) -> bool {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(CONTENT_TYPE, value.parse().unwrap());
    }
    is_json(&headers)
}

#[test]
fn json_is_declared_with_or_without_utf8() {
    for value in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json; profile=x",
    ] {
        assert!(declared(&[value]), "{value}");
    }
    for value in [
        "",
        "text/plain",
        "application/jsonp",
        "application/problem+json",
        "application/json; charset=utf-16",
        "text/plain; application/json",
    ] {
        assert!(!declared(&[value]), "{value}");
    }
    assert!(!declared(&[]));
    assert!(!declared(&["application/json", "application/json"]));
}

const BOUNDS: Bounds = Bounds { bytes: 10, timeout: Duration::from_secs(1) };

#[tokio::test]
async fn a_body_is_read_up_to_its_bound() {
    let budget = Budget::new(100);
    let read_text = async |text: &'static str| read(Body::from(text), BOUNDS, &budget).await;
    assert_eq!(read_text("0123456789").await.unwrap().bytes, "0123456789");
    assert_eq!(read_text("0123456789a").await.unwrap_err().kind(), Kind::BodyTooLarge);
    assert_eq!(budget.used.load(Relaxed), 0);
}

#[tokio::test]
async fn bodies_together_stay_within_their_budget() {
    let budget = Budget::new(15);
    let first = read(Body::from("0123456789"), BOUNDS, &budget).await.unwrap();
    let second = read(Body::from("0123456789"), BOUNDS, &budget).await;
    assert_eq!(second.unwrap_err().kind(), Kind::Overloaded);
    drop(first);
    assert!(read(Body::from("0123456789"), BOUNDS, &budget).await.is_ok());
    assert_eq!(budget.used.load(Relaxed), 0);
}
