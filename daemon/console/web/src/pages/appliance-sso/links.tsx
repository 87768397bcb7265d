// Who an operator is at the appliance's providers: proven by signing in there, and confirmed here. No provider's word does it alone.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client";
import { toTell } from "../../api/problem";
import { type Claim, type Link, linksQuery, type Provider } from "../../api/sso";
import { api } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Facts, Panel } from "../../ui/page";
import { Notice, Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import rows from "../factors/factors.module.css";
import { leaveToLink } from "../sso/leave";

export function LinksPanel({ providers, mayEdit }: { providers: Provider[]; mayEdit: boolean }) {
  const query = useQuery(linksQuery());
  return (
    <Panel title="Your own account" note="An operator's account opens through a provider only once it is linked, by you, while you are signed in." flush>
      <QueryView query={query} what="Your links">
        {(links) => (
          <ul className={rows["rows"]} aria-label="Your account at the providers">
            {providers.map((provider) => <Row key={provider.id} provider={provider} link={links.find((one) => one.provider === provider.id)} mayEdit={mayEdit} />)}
          </ul>
        )}
      </QueryView>
    </Panel>
  );
}

function Row({ provider, link, mayEdit }: { provider: Provider; link: Link | undefined; mayEdit: boolean }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const leave = useMutation({ mutationFn: () => leaveToLink(provider.id) });
  const remove = useMutation({
    mutationFn: () => client.delete(api.platformSsoLink(provider.id)),
    onSuccess: () => {
      setAsking(false);
      toast.done(`${provider.name} opens your account no more.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["sso"] }),
  });
  const problem = toTell(leave.error);
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong>{provider.name}{link ? <Status tone="ok">Linked</Status> : <Status tone="idle">{provider.ldap ? "Cannot be linked" : "Not linked"}</Status>}</strong>
        <small>{link ? <>As <span className="mono">{link.subject}</span> since <Time at={link.confirmed_at} />, last used <Time at={link.last_used_at} ago />.</> : provider.ldap ? "A directory has nothing to link: it opens no operator's account." : provider.enabled ? "It does not open your account." : "Enable the provider first, then link."}</small>
        {problem ? <Notice tone="bad" title="Not begun">{problem}</Notice> : null}
      </div>
      {mayEdit ? (
        <div className={rows["rowActs"]}>
          {link
            ? <Button size="xs" variant="default" aria-label={`Unlink ${provider.name}`} onClick={() => { remove.reset(); setAsking(true); }}>Unlink</Button>
            : provider.ldap ? null
            : <Button size="xs" variant="default" disabled={!provider.enabled} loading={leave.isPending} aria-label={`Link your account at ${provider.name}`} onClick={() => leave.mutate()}>Link</Button>}
        </div>
      ) : null}
      <Confirm opened={asking} title={`Unlink ${provider.name}`} act="Unlink" danger busy={remove.isPending} error={toTell(remove.error)} onClose={() => setAsking(false)} onConfirm={() => remove.mutate()}>
        Your sessions that it opened end at once. Keep your password at hand: it is your way in then.
      </Confirm>
    </li>
  );
}

/** What came back from the provider, before it opens anything. */
export function ConfirmLink({ claim, onClose }: { claim: Claim; onClose(): void }) {
  const queries = useQueryClient();
  const toast = useToast();
  const confirm = useMutation({
    mutationFn: () => client.post(api.platformSsoLinkConfirm(), { provider: claim.provider, subject: claim.subject }),
    onSuccess: () => {
      onClose();
      toast.done(`${claim.provider_name} opens your account from now on.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["sso"] }),
  });
  return (
    <Confirm opened title={`Are you this at ${claim.provider_name}?`} act="Link my account" busy={confirm.isPending} error={toTell(confirm.error)} onClose={onClose} onConfirm={() => confirm.mutate()}>
      <p>Whoever signs in there as this opens your account, with all that an operator may do. A second factor is asked for here all the same.</p>
      <Facts items={[["Subject", <span key="subject" className="mono">{claim.subject}</span>], ["Address there", claim.email ?? "not told"], ["Issuer", <span key="issuer" className="mono">{claim.issuer}</span>]]} />
    </Confirm>
  );
}
