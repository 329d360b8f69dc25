//! What is looked at for each form of a permit, and what a search is refused for. That what is found
//! is what is allowed, the oracle's tests hold for whole worlds.

use serde_json::{Value as Json, json};

use super::super::check::Decision;
use super::*;
use crate::engine::{Bundle, CompileOptions, References, Text, compile};

const SCHEMA: &str = r#"
entity Owner in [Owner];
entity Group in [Group] { owner: Owner };
entity User in [Group] { owner: Owner, owners: Set<Owner>, favourite?: Doc, age: Long };
entity Doc in [Group, User] { owner: Owner, folder?: Group, by?: User, about: { user: User }, age: Long };
entity Color enum ["red"];
action look appliesTo { principal: [User], resource: [Doc, User] };
action paint appliesTo { principal: [User], resource: [Color], context: { times: Long } };
"#;

/// `ann` belongs to `top`, above `left` and `right`; `bob` and every third document to `left`.
fn entities() -> Json {
    let entity = |ty: &str, id: &str| json!({"__entity": {"type": ty, "id": id}});
    let uid = |ty: &str, id: &str| json!({"type": ty, "id": id});
    let stored = |of: Json, attrs: Json, parents: Json| json!({"uid": of, "attrs": attrs, "parents": parents});
    let user = |id: &str, owner: &str, owners: Json, groups: Json| {
        let mut attrs = json!({"owner": entity("Owner", owner), "owners": owners, "age": 7});
        if id == "ann" {
            attrs["favourite"] = entity("Doc", "d05");
        }
        stored(uid("User", id), attrs, groups)
    };
    let mut all = vec![
        stored(uid("Owner", "top"), json!({}), json!([])),
        stored(uid("Owner", "left"), json!({}), json!([uid("Owner", "top")])),
        stored(uid("Owner", "right"), json!({}), json!([uid("Owner", "top")])),
        user("ann", "top", json!([entity("Owner", "left")]), json!([uid("Group", "inner")])),
        user("bob", "left", json!([]), json!([])),
    ];
    for (id, owner, parents) in
        [("outer", "right", json!([])), ("inner", "left", json!([uid("Group", "outer")]))]
    {
        all.push(stored(uid("Group", id), json!({"owner": entity("Owner", owner)}), parents));
    }
    for number in 0..30 {
        let attrs = json!({
            "owner": entity("Owner", ["left", "right", "nobody"][number % 3]),
            "folder": entity("Group", ["outer", "inner", "gone"][number / 10]),
            "by": entity("User", ["ann", "bob"][usize::from(number > 3)]),
            "about": {"user": entity("User", "ann")},
            "age": 7,
        });
        let parents = if number < 6 { json!([uid("Group", "inner")]) } else { json!([]) };
        all.push(stored(uid("Doc", &format!("d{number:02}")), attrs, parents));
    }
    Json::from(all)
}

fn snapshot(policies: &str, links: &Json) -> Snapshot {
    let bundle = Bundle {
        schema: Some(Text::new("schema.cedarschema", SCHEMA)),
        policies: vec![Text::new("case.cedar", policies)],
        entities: vec![Text::new("entities.json", entities().to_string())],
        links: vec![Text::new("links.json", links.to_string())],
    };
    let options = CompileOptions { references: References::Cedar, ..CompileOptions::default() };
    compile(&bundle, &options).unwrap()
}

fn docs_of(snapshot: &Snapshot, user: &str) -> Page {
    let search = ResourceSearch {
        principal: snapshot.uid("User", user).unwrap(),
        action: snapshot.action("Action", "look").unwrap(),
        resource_type: "Doc".to_owned(),
        terms: Terms::at(1_000),
    };
    let page = snapshot.search_resources(&search, None, usize::MAX, usize::MAX).unwrap();
    assert!(page.complete && page.after.is_none());
    let ids = page.found.iter().map(|uid| uid.id().unescaped().to_owned());
    let allowed = (0..30).map(|number| format!("d{number:02}")).filter(|id| {
        let resource = snapshot.uid("Doc", id).unwrap();
        let (principal, action) = (search.principal.clone(), search.action.clone());
        let request = search.terms.check(principal, action, resource);
        let answer = snapshot.check(&request, CheckOptions::default()).unwrap();
        answer.decision == Decision::Allow
    });
    assert!(ids.eq(allowed), "{:?}", page.found);
    page
}

#[test]
fn each_form_of_a_permit_looks_at_no_more_than_it_must() {
    let scoped = |scope: &str, condition: &str| format!("permit ({scope}) when {{ {condition} }};");
    let plain = "principal is User, action, resource is Doc";
    // The form; candidates and findings of `ann`.
    let forms = [
        (scoped(plain, "resource.owner in principal.owner"), 20, 20),
        (scoped(plain, "resource.owner == principal.owner"), 0, 0),
        (scoped(plain, "resource.owner in principal.owners"), 10, 10),
        (scoped(plain, r#"resource.owner in [Owner::"left", Owner::"nobody"]"#), 20, 20),
        (scoped(plain, r#"resource.owner == Owner::"unheard of""#), 0, 0),
        (scoped(plain, "principal has favourite && resource == principal.favourite"), 1, 1),
        (scoped(plain, "resource.age == principal.age"), 30, 30),
        (scoped(plain, "resource.owner == resource.owner"), 30, 30),
        (scoped(plain, r#"resource in Group::"outer""#), 6, 6),
        (scoped(r#"principal is User, action, resource is Doc in Group::"outer""#, "true"), 6, 6),
        (scoped(r#"principal is User, action, resource == Doc::"d07""#, "true"), 1, 1),
        (scoped(r#"principal == User::"bob", action, resource is Doc"#, "true"), 0, 0),
        (scoped(r#"principal in Group::"outer", action, resource is Doc"#, "true"), 30, 30),
        (scoped(plain, r#"principal in Group::"nowhere""#), 0, 0),
        // Of a folder that is not stored nothing can be read.
        (scoped(plain, "resource has folder && resource.folder.owner == Owner::\"left\""), 10, 10),
        (scoped(plain, r#"resource has folder && resource.folder in Group::"outer""#), 20, 20),
        (scoped(plain, "resource has by && principal in resource.by"), 4, 4),
        (scoped(plain, "resource.about.user == principal"), 30, 30),
        (
            scoped(
                plain,
                r#"resource in Group::"inner" || (resource has by && resource.by == principal)"#,
            ),
            6,
            6,
        ),
        (scoped(plain, r#"resource in Group::"inner" || resource.age == 8"#), 30, 6),
        // Both are looked up, and what they have in common is left.
        (scoped(plain, r#"resource in Group::"inner" && resource.owner == Owner::"left""#), 2, 2),
        (scoped(plain, r#"resource in Group::"inner" && resource.age == 8"#), 6, 0),
        (scoped(plain, r#"!(resource in Group::"inner")"#), 30, 24),
    ];
    for (policy, examined, found) in forms {
        let page = docs_of(&snapshot(&policy, &json!([])), "ann");
        assert_eq!((page.examined, page.found.len()), (examined, found), "{policy}");
    }
}

#[test]
fn a_link_leads_to_what_it_names_while_it_lasts() {
    let policies = r#"
        @id("share") permit (principal in ?principal, action, resource in ?resource);
        @id("one") permit (principal == ?principal, action, resource == ?resource);
        @id("left") permit (principal in ?principal, action, resource is Doc)
        when { resource.owner == Owner::"left" };
        forbid (principal, action, resource == Doc::"d01");
    "#;
    let link =
        |template: &str, id: &str, principal: &str, resource: Option<&str>, expires: &str| {
            let mut args = json!({"?principal": principal});
            if let Some(resource) = resource {
                args["?resource"] = json!(resource);
            }
            json!({"template_id": template, "link_id": id, "args": args, "expires": expires})
        };
    let (late, early) = ("2100-01-01T00:00:00Z", "1970-01-01T00:00:01Z");
    let (group, outer, all) = ("Group::\"outer\"", "Group::\"outer\"", "Group::\"gone\"");
    let links = json!([
        link("share", "a", group, Some(outer), late),
        link("share", "b", group, Some("Doc::\"d11\""), late),
        link("share", "c", group, Some("Doc::\"d12\""), early),
        link("share", "d", all, Some("Doc::\"d13\""), late),
        link("one", "e", "User::\"ann\"", Some("Doc::\"d14\""), late),
        link("one", "f", group, Some("Doc::\"d16\""), late),
        link("left", "g", "User::\"bob\"", None, late),
    ]);
    let snapshot = snapshot(policies, &links);
    let page = docs_of(&snapshot, "ann");
    assert_eq!((page.examined, page.found.len()), (8, 7), "{page:?}");
    let page = docs_of(&snapshot, "bob");
    assert_eq!((page.examined, page.found.len()), (10, 10), "{page:?}");
    assert_eq!(docs_of(&snapshot, "unheard of").found, []);
}

#[test]
fn what_is_not_declared_is_not_found_and_what_does_not_fit_is_refused() {
    let snapshot = snapshot("permit (principal, action, resource);", &json!([]));
    let mut search = PrincipalSearch {
        principal_type: "User".to_owned(),
        action: snapshot.action("Action", "paint").unwrap(),
        resource: snapshot.uid("Color", "red").unwrap(),
        terms: Terms::at(0),
    };
    let find = |search: &PrincipalSearch| snapshot.search_principals(search, None, 9, 9);
    assert!(find(&search).is_err(), "the context lacks a member");
    search.terms.context.insert("times".to_owned(), json!(1));
    let found = find(&search).unwrap();
    assert_eq!((found.found.len(), found.complete), (2, true));
    search.principal_type = "Nobody".to_owned();
    assert_eq!(find(&search), Ok(Page::empty()));
    search.principal_type = "Doc".to_owned();
    assert!(find(&search).is_err(), "no document paints");
    search.principal_type = "User".to_owned();
    search.resource = snapshot.uid("Color", "blue").unwrap();
    assert!(find(&search).is_err(), "there is no such color");

    let mut search = ActionSearch {
        principal: snapshot.uid("User", "ann").unwrap(),
        resource: snapshot.uid("Color", "red").unwrap(),
        terms: search.terms,
    };
    let actions = |search: &ActionSearch| {
        let found = snapshot.search_actions(search);
        found.iter().map(|uid| uid.id().unescaped().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(actions(&search), ["paint"]);
    search.resource = snapshot.uid("Doc", "d00").unwrap();
    assert!(actions(&search).is_empty(), "`look` declares no such member of the context");
    search.terms.undeclared = Undeclared::Drop;
    assert_eq!(actions(&search), ["look"]);
}

#[test]
fn a_page_that_may_hold_nothing_says_that_something_is_left() {
    let snapshot = snapshot("permit (principal, action, resource);", &json!([]));
    let search = ResourceSearch {
        principal: snapshot.uid("User", "ann").unwrap(),
        action: snapshot.action("Action", "look").unwrap(),
        resource_type: "Doc".to_owned(),
        terms: Terms::at(0),
    };
    let find = |after, limit, budget| {
        let page = snapshot.search_resources(&search, after, limit, budget).unwrap();
        (page.found.len(), page.complete, page.after, page.examined)
    };
    assert_eq!(find(None, 0, 9), (0, false, None, 0));
    assert_eq!(find(Some("d03"), 9, 0), (0, false, Some("d03".to_owned()), 0));
    assert_eq!(find(None, 2, 9), (2, false, Some("d01".to_owned()), 2));
    assert_eq!(find(Some("d27"), 2, 9), (2, true, None, 2));
    assert_eq!(find(Some("e"), 2, 9), (0, true, None, 0));
}

/// Everything that Ann may look at, a page at a time, each by a walk of its own that looks at the
/// candidates of the one before; and how often candidates were found.
fn in_pages(snapshot: &Snapshot, limit: usize, times: [i64; 2]) -> (Vec<EntityUid>, usize) {
    let question = Question::Resources {
        principal: snapshot.uid("User", "ann").unwrap(),
        action: snapshot.action("Action", "look").unwrap(),
        type_name: None,
        wanted: Map::new(),
        terms: Terms::at(times[0]),
    };
    let (mut found, mut position, mut kept) = (Vec::new(), None, None::<Candidates>);
    let mut lists = Vec::new();
    for page in 0.. {
        let mut walk = Walk::new(snapshot.clone(), question.clone(), position).unwrap();
        if let Some(kept) = kept {
            walk.take_up(kept);
        }
        let now_ms = times[usize::from(page > 0)];
        found.extend(walk.step(now_ms, limit, usize::MAX).unwrap().found);
        if walk.is_complete() {
            break;
        }
        kept = walk.candidates();
        position = walk.position();
        let of = kept.as_ref().map(|kept| (kept.type_name.clone(), kept.found_at_ms));
        if lists.last() != Some(&of) {
            lists.push(of);
        }
    }
    (found, lists.len())
}

#[test]
fn a_walk_that_takes_up_candidates_finds_what_one_walk_finds() {
    let policies = [
        r"permit (principal, action, resource) when { resource is Doc && resource.owner in principal.owner };",
        r#"permit (principal, action, resource is Doc in Group::"inner");
           permit (principal, action, resource is User);"#,
        "permit (principal, action, resource);",
    ];
    for policy in policies {
        let snapshot = snapshot(policy, &json!([]));
        let (whole, _) = in_pages(&snapshot, usize::MAX, [0, 0]);
        assert!(!whole.is_empty());
        for limit in 1..=whole.len() {
            let (paged, found_times) = in_pages(&snapshot, limit, [0, 1]);
            assert_eq!(paged, whole, "{limit}");
            assert!(found_times <= 2, "once for each type: {found_times}");
        }
    }
}

/// A clock that goes back makes links count again, which the candidates lack.
#[test]
fn candidates_of_a_later_time_are_not_looked_at() {
    let link = json!([{"template_id": "share", "link_id": "a", "expires": "1970-01-01T00:00:01Z",
        "args": {"?principal": "Group::\"outer\"", "?resource": "Group::\"outer\""}}]);
    let policies = r#"
        @id("share") permit (principal in ?principal, action, resource in ?resource);
        permit (principal, action, resource is Doc) when { resource.owner == Owner::"left" };
    "#;
    let snapshot = snapshot(policies, &link);
    let ids = |times| {
        let (found, _) = in_pages(&snapshot, 1, times);
        found.iter().map(|uid| uid.id().unescaped().to_owned()).collect::<Vec<_>>()
    };
    let owned = ["d00", "d03", "d06", "d09", "d12", "d15", "d18", "d21", "d24", "d27"];
    assert_eq!(ids([2_000, 2_000]), owned);
    assert_eq!(ids([2_000, 500])[..4], ["d00", "d01", "d02", "d03"]);
}
