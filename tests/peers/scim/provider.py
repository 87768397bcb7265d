"""What an identity provider does in a week: it looks for a person, makes, changes and shuts them out, keeps
groups, pages, insists on versions, and stops when its token is revoked."""

from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import Group, PatchOp, PatchOperation, SCIMException, SearchRequest, User

from console import DOMAIN, Console

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def person(name):
    address = f"{name}@{DOMAIN}"
    return User(
        user_name=address, external_id=f"ext-{name}", display_name=name.title(), active=True,
        emails=[User.Emails(value=address, primary=True)],
    )


def discovered(client: SyncSCIMClient):
    client.discover()
    return client.get_resource_model("User"), client.get_resource_model("Group")


def found(client, kind, text):
    return client.query(kind, query_parameters=SearchRequest(filter=text)).resources or []


def patched(client, kind, resource, op, path, value=None):
    operation = PatchOperation(op=op, path=path, value=value)
    return client.modify(kind, resource.id, PatchOp[kind](operations=[operation]))


def refused(status, answer, code):
    told = answer.json()
    assert answer.status_code == status, f"{answer.status_code} {told}"
    assert told["schemas"] == [ERROR] and told["status"] == str(status), told
    assert told["detail"].endswith(f"({code})"), told


def a_joiner_becomes_a_member_and_a_leaver_is_shut_out(console: Console, client: SyncSCIMClient):
    kind, _ = discovered(client)
    assert found(client, kind, f'userName eq "ida@{DOMAIN}"') == []
    made = client.create(kind(**person("ida").model_dump(exclude_none=True, exclude={"schemas"})))
    (seen,) = found(client, kind, f'userName eq "IDA@{DOMAIN}"')
    assert seen.id == made.id and seen.active is True
    (seen,) = found(client, kind, 'externalId eq "ext-ida"')
    assert console.members()[made.id]["state"] == "active"
    assert console.members()[made.id]["name"] == "Ida"
    assert patched(client, kind, made, "replace", "active", False).active is False
    assert console.members()[made.id]["state"] == "deactivated"
    patched(client, kind, made, "replace", "active", True)
    assert console.members()[made.id]["state"] == "active"
    client.delete(kind, made.id)
    assert console.members()[made.id]["state"] == "deactivated"
    try:
        client.query(kind, made.id)
        raise AssertionError("who was deleted is there")
    except SCIMException:
        pass


def a_group_gives_the_role_that_an_administrator_chose(console: Console, client: SyncSCIMClient):
    kind, group_kind = discovered(client)
    made = client.create(kind(**person("jon").model_dump(exclude_none=True, exclude={"schemas"})))
    group = client.create(group_kind(display_name="Sales operations"))
    console.ok("PUT", f"/sso/scim/groups/{group.id}", {"roles": ["reviewer"]})
    assert console.members()[made.id]["roles"] == ["member"]
    answer = patched(client, group_kind, group, "add", "members", [{"value": made.id}])
    assert [member.value for member in answer.members] == [made.id]
    assert console.members()[made.id]["roles"] == ["reviewer"]
    patched(client, group_kind, group, "remove", f'members[value eq "{made.id}"]')
    assert console.members()[made.id]["roles"] == ["member"]
    client.delete(group_kind, group.id)
    client.delete(kind, made.id)


def pages_hold_everybody_once(console: Console, client: SyncSCIMClient):
    kind, _ = discovered(client)
    made = [
        client.create(kind(**person(f"page{n}").model_dump(exclude_none=True, exclude={"schemas"})))
        for n in range(5)
    ]
    ids, start = [], 1
    while True:
        page = client.query(kind, query_parameters=SearchRequest(start_index=start, count=2))
        if not page.resources:
            break
        ids += [item.id for item in page.resources]
        start += page.items_per_page
    assert len(ids) == len(set(ids)) == page.total_results and {item.id for item in made} <= set(ids)
    for item in made:
        client.delete(kind, item.id)


def a_version_that_is_past_changes_nothing(console: Console, client: SyncSCIMClient):
    kind, _ = discovered(client)
    made = client.create(kind(**person("lea").model_dump(exclude_none=True, exclude={"schemas"})))
    first = client.client.get(f"/Users/{made.id}").headers["etag"]
    patched(client, kind, made, "replace", "displayName", "Lea the second")
    stale = client.client.delete(f"/Users/{made.id}", headers={"if-match": first})
    assert stale.status_code == 412, stale.text
    client.delete(kind, made.id)


def what_is_not_the_providers_is_refused(console: Console, client: SyncSCIMClient):
    raw = client.client
    owner = {"userName": f"mara@{DOMAIN}", "active": False}
    refused(403, raw.post("/Users", json=owner), "scim_super_admin")
    refused(400, raw.post("/Users", json={"userName": "eve@elsewhere.example"}), "scim_domain_unverified")
    bulk = raw.post("/Bulk", json={"Operations": []})
    assert bulk.status_code == 501 and bulk.json()["schemas"] == [ERROR]


def a_revoked_token_opens_nothing(console: Console, client: SyncSCIMClient):
    token = console.new_token()
    raw = client.client
    headers = {"authorization": f"Bearer {token['secret']}"}
    assert raw.get("/Users", headers=headers).status_code == 200
    console.ok("DELETE", f"/sso/scim/tokens/{token['id']}")
    refused(401, raw.get("/Users", headers=headers), "scim_token_invalid")


CASES = [
    a_joiner_becomes_a_member_and_a_leaver_is_shut_out,
    a_group_gives_the_role_that_an_administrator_chose,
    pages_hold_everybody_once,
    a_version_that_is_past_changes_nothing,
    what_is_not_the_providers_is_refused,
    a_revoked_token_opens_nothing,
]
