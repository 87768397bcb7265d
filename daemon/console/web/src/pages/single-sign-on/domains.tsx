// The mail domains of the organisation: an address of a verified one leads to its provider, and is believed from it.
import { Button, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { Problem, toTell } from "../../api/problem";
import type { MailDomain, Provider } from "../../api/sso";
import { useCan } from "../../api/session";
import { path } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Notice, Status } from "../../ui/status";
import { useToast } from "../../ui/toast";
import rows from "../factors/factors.module.css";
import { useOwner } from "./owner";
import css from "./single-sign-on.module.css";

interface Named { domain: MailDomain; provider: Provider }

export function DomainsPanel({ providers, mayEdit }: { providers: Provider[]; mayEdit: boolean }) {
  const named = providers.flatMap((provider) => provider.domains.map((domain) => ({ domain, provider })))
    .toSorted((one, other) => one.domain.domain.localeCompare(other.domain.domain));
  const waiting = named.some(({ domain }) => !domain.verified);
  const owner = useOwner();
  return (
    <Panel title="Mail domains" note={owner.appliance ? "An address of a domain leads to the appliance's provider, which is believed about it. A domain is the appliance's or one organisation's, never both." : "An address of a verified domain leads to your provider. Without one, people need the provider's sign-in link."} flush>
      {named.length === 0 ? null : <ul className={rows["rows"]} aria-label="Mail domains">{named.map((one) => <Row key={one.domain.domain} {...one} mayEdit={mayEdit} />)}</ul>}
      {waiting ? <Waiting /> : null}
      {mayEdit ? <AddDomain providers={providers} /> : named.length === 0 ? <p className={css["hint"]}>None yet. An administrator can name them.</p> : null}
    </Panel>
  );
}

/** The appliance may stand where no public DNS is, so a person says whose the domain is. */
function Waiting() {
  const operator = useCan("tenant_manage");
  return (
    <p className={css["hint"]}>
      {operator
        ? <>You operate this appliance: <Link to={path.tenants()}>verify the waiting domains under Tenants</Link>, once you know that they are this organisation's.</>
        : "Ask the operator of this appliance to verify what waits, and show that the domain is yours: for instance by writing to them from its postmaster address. They see it under Appliance, Tenants."}
    </p>
  );
}

function Row({ domain, provider, mayEdit }: Named & { mayEdit: boolean }) {
  const [asking, setAsking] = useState(false);
  const owner = useOwner();
  const queries = useQueryClient();
  const toast = useToast();
  const remove = useMutation({
    mutationFn: () => client.delete(owner.domain(domain.domain)),
    onSuccess: () => {
      setAsking(false);
      toast.done(`${domain.domain} leads nowhere any more.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["sso"] }),
  });
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong>{domain.domain}{domain.verified ? <Status tone="ok">Verified</Status> : <Status tone="warn">Waits for the operator</Status>}</strong>
        <small>{domain.verified ? <>Leads to {provider.name} since <Time at={domain.verified_at} />.</> : <>Will lead to {provider.name}.</>}</small>
      </div>
      {mayEdit ? <div className={rows["rowActs"]}><Button size="xs" variant="default" aria-label={`Remove ${domain.domain}`} onClick={() => { remove.reset(); setAsking(true); }}>Remove</Button></div> : null}
      <Confirm opened={asking} title={`Remove ${domain.domain}`} act="Remove" danger={domain.verified} busy={remove.isPending} error={toTell(remove.error)} onClose={() => setAsking(false)} onConfirm={() => remove.mutate()}>
        {domain.verified
          ? "Addresses of it are asked for a password again, and newcomers with such an address get an account apart. Naming it again needs a new verification. Nobody is signed out."
          : "It has not been verified, so nothing changes for anybody."}
      </Confirm>
    </li>
  );
}

function AddDomain({ providers }: { providers: Provider[] }) {
  const [domain, setDomain] = useState("");
  const owner = useOwner();
  const [chosen, setChosen] = useState(providers[0]?.id ?? "");
  const provider = providers.some(({ id }) => id === chosen) ? chosen : (providers[0]?.id ?? "");
  const queries = useQueryClient();
  const toast = useToast();
  const add = useMutation({
    mutationFn: () => client.post<MailDomain>(owner.domains(), { domain: domain.trim(), provider }),
    onSuccess: (added) => {
      setDomain("");
      toast.done(added.verified ? `${added.domain} leads to this appliance's provider now.` : `${added.domain} is named, and waits for the operator of this appliance.`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["sso"] }),
  });
  const beside = add.error instanceof Problem
    ? add.error.code === "already_exists" ? (owner.appliance ? "It is the appliance's already, or an organisation's, which has to remove it first." : "This organisation has named it already.") : add.error.forField("domain")
    : undefined;
  const problem = beside ? undefined : toTell(add.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <>
      {problem ? <Notice tone="bad" title="Not named">{problem}</Notice> : null}
      <form className={css["line"]} onSubmit={submit}>
        <TextInput label="Mail domain" placeholder="acme.example" spellCheck={false} autoCapitalize="none" value={domain} error={beside} onChange={(event) => setDomain(event.currentTarget.value)} />
        {providers.length > 1 ? (
          <Select label="Leads to" allowDeselect={false} data={providers.map(({ id, name }) => ({ value: id, label: name }))} value={provider} onChange={(value) => { if (value) setChosen(value); }} />
        ) : null}
        <Button type="submit" loading={add.isPending} disabled={domain.trim() === ""}>Add the domain</Button>
      </form>
    </>
  );
}
