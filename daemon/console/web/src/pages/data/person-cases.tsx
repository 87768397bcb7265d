// One person's data: searched for, exported, erased; and the members who asked for their erasure.
import { Button, Progress, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconSearch, IconUserSearch } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { Problem, toTell } from "../../api/problem";
import { personCasesQuery } from "../../api/queries";
import { useCan, useSession } from "../../api/session";
import type { PersonCase } from "../../api/types";
import { count, plural } from "../../lib/format";
import { api, path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Notice, StateBadge } from "../../ui/status";
import { useToast } from "../../ui/toast";
import rows from "../factors/factors.module.css";
import css from "./data.module.css";
import { PersonFinds } from "./person-finds";

export function PersonCases() {
  const query = useQuery(personCasesQuery());
  const { owner } = useSession();
  const may = useCan("person_data") && owner;
  return (
    <Panel title="One person&#39;s data" note="Somebody asks what you hold of them, or wants it gone: search everything of this organisation for their address. Members take their own data along under their profile." flush>
      {may ? <Search /> : null}
      <QueryView query={query} what="The cases">
        {(items) => items.length === 0
          ? <Empty icon={IconUserSearch} title="Nobody was searched for yet">The owner searches, exports what is found, and erases it. Members who ask for their erasure stand here, too.</Empty>
          : <Cases items={items} />}
      </QueryView>
    </Panel>
  );
}

function Search() {
  const [term, setTerm] = useState("");
  const queries = useQueryClient();
  const search = useMutation({
    mutationFn: () => client.post<PersonCase>(api.personCases(), { term }),
    onSuccess: () => setTerm(""),
    onSettled: () => queries.invalidateQueries({ queryKey: ["exports", "cases"] }),
  });
  const beside = search.error instanceof Problem ? search.error.forField("term") : undefined;
  const problem = toTell(search.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    search.mutate();
  };
  return (
    <form className={css["search"]} onSubmit={submit}>
      {problem && !beside ? <Notice tone="bad" title="Not searched">{problem}</Notice> : null}
      <TextInput label="Address or full name" autoComplete="off" spellCheck={false} maxLength={254} value={term} error={beside} onChange={(event) => setTerm(event.currentTarget.value)} />
      <Button type="submit" leftSection={<IconSearch size={16} aria-hidden />} loading={search.isPending} disabled={term.trim().length < 4}>Search</Button>
    </form>
  );
}

function Cases({ items }: { items: PersonCase[] }) {
  const [shown, setShown] = useState<string>();
  return (
    <>
      <ul className={rows["rows"]} aria-label="Cases of people">{items.map((item) => <Row key={item.id} item={item} onShow={() => setShown(item.id)} />)}</ul>
      <PersonFinds id={shown} onClose={() => setShown(undefined)} />
    </>
  );
}

function Row({ item, onShow }: { item: PersonCase; onShow(): void }) {
  return (
    <li>
      <div className={rows["rowText"]}>
        <strong>{personOf(item)}<StateBadge state={item.state} /></strong>
        <small><Time at={item.asked_at} />. <Standing item={item} /></small>
        {item.state === "searching" ? <Progress className={css["progress"]} value={shareOf(item)} aria-label={`${Math.floor(shareOf(item))} % of the rows are looked at`} /> : null}
      </div>
      <Acts item={item} onShow={onShow} />
    </li>
  );
}

function Standing({ item }: { item: PersonCase }) {
  switch (item.state) {
    case "asked": return <>Asks to be erased.</>;
    case "searching": return <>{item.expected ? `${count(item.scanned)} of about ${plural(item.expected, "row")}` : "Waits for its turn"}. It goes on without this page.</>;
    case "found": return <>{plural(item.scanned, "row")} looked at.</>;
    case "erasing": return item.due_at ? <>Shut out; rows go from <Time at={item.due_at} /> on.</> : <>Goes on without this page.</>;
    case "erased": return <>{erased(item)}</>;
    case "failed": return <>{FAILURES[item.error ?? ""] ?? `It stopped with the code ${item.error ?? "unknown"}; the log of this server has more.`}</>;
    default: return <>{item.error === "withdrawn" ? "Taken back." : item.error === "days_over" ? "Forgotten after its days." : "Forgotten."}</>;
  }
}

const FAILURES: Record<string, string> = {
  search_too_wide: "This stands in more than 10,000 rows. Search for an address.",
  person_still_in: "Somebody let this person in again, so nothing was erased.",
};

const shareOf = (item: PersonCase): number => (item.expected ? Math.min(100, (item.scanned / item.expected) * 100) : 0);

function personOf(item: PersonCase): string {
  if (item.kind === "account") return item.subject?.name ?? "former member";
  return item.term ?? "forgotten";
}

function erased(item: PersonCase): string {
  const total = Object.values(item.counts).reduce((sum, gone) => sum + gone, 0);
  const account = item.account_gone === null ? "" : item.account_gone ? ", the account among them" : "; the account serves another organisation";
  return `${plural(total, "row")}${account}.`;
}

function Acts({ item, onShow }: { item: PersonCase; onShow(): void }) {
  const queries = useQueryClient();
  const toast = useToast();
  const { owner } = useSession();
  const may = useCan("person_data") && owner;
  const close = useMutation({
    mutationFn: () => client.post(api.personCaseVerb(item.id, "close")),
    onError: (error) => toast.failed(toTell(error) ?? "Not closed."),
    onSettled: () => queries.invalidateQueries({ queryKey: ["exports", "cases"] }),
  });
  if (!may || !["asked", "searching", "found"].includes(item.state)) return null;
  return (
    <div className={rows["rowActs"]}>
      {item.kind === "account" && item.state === "asked" && item.subject ? <Button component="a" size="xs" variant="default" href={path.member(item.subject.id)}>Open the member</Button> : null}
      {item.state === "found" ? <Button size="xs" onClick={onShow}>What was found</Button> : null}
      <Button size="xs" variant="default" loading={close.isPending} onClick={() => close.mutate()}>{item.state === "asked" ? "Decline" : item.state === "found" ? "Forget" : "Stop"}</Button>
    </div>
  );
}
