//! The list of members.

use super::*;

#[tokio::test]
async fn members_are_listed_by_name_and_found_by_a_part_of_it() {
    let company = Company::open().await;
    for name in [
        "bob@acme.example",
        "carl_100%@acme.example",
        "dora@acme.example",
    ] {
        company.join(&company.ada, name, &[Role::Member]).await;
    }
    let identity = &company.house.identity;
    let list = |filter: MemberFilter, after| identity.member_list(&company.ada, filter, after, 2);
    let first = list(MemberFilter::default(), None).await.unwrap();
    assert_eq!((first.active, first.deactivated), (4, 0));
    assert_eq!(
        first.items.len(),
        3,
        "one more than asked for says there is more"
    );
    let last = &first.items[1];
    let next = list(
        MemberFilter::default(),
        Some((last.name.clone(), last.user)),
    )
    .await
    .unwrap();
    let names: Vec<_> = first.items[..2].iter().chain(&next.items).collect();
    assert_eq!(names.len(), 4);
    assert!(names.windows(2).all(|pair| pair[0].name <= pair[1].name));
    assert_eq!(names[0].email.as_deref(), Some("canary-ada@acme.example"));

    let search = |text: &str| MemberFilter {
        search: Some(text.to_owned()),
        active: None,
    };
    assert_eq!(list(search("DORA"), None).await.unwrap().items.len(), 1);
    assert_eq!(list(search("100%"), None).await.unwrap().items.len(), 1);
    assert_eq!(list(search("%"), None).await.unwrap().items.len(), 1);
    assert!(list(search("nobody"), None).await.unwrap().items.is_empty());
}
