// Why this record got this owner: the story, the losing rules, the passed-over candidates, and what was read.
import { Anchor, Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { assignmentQuery } from "../../api/queries";
import type { AssignmentDetail } from "../../api/types";
import { count, duration, plural } from "../../lib/format";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { CopyId, Story, Time } from "../../ui/facts";
import { Facts } from "../../ui/page";
import { StateBadge, Status } from "../../ui/status";
import ui from "../../ui/ui.module.css";
import { operatorWord } from "../rules/condition";
import css from "./log.module.css";

export function AssignmentDrawer({ id, onClose }: { id: string | undefined; onClose(): void }) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} size={560} title="Why this owner" withOverlay={false} trapFocus={false} closeButtonProps={{ "aria-label": "Close the decision" }} shadow="xl">
      {id === undefined ? null : <Detail id={id} />}
    </Drawer>
  );
}

function Detail({ id }: { id: string }) {
  const query = useQuery(assignmentQuery(id));
  return (
    <QueryView query={query} what="The decision">
      {(data) => (
        <>
          <h2 className={css["title"]}>{data.record_title ?? data.record_id}</h2>
          <p className={css["sum"]}>{sentence(data)}</p>
          <Facts items={facts(data)} />
          <h3 className={css["section"]}>What happened</h3>
          <Story steps={data.story} />
          <Said data={data} />
          <Rules data={data} />
          <Candidates data={data} />
          <Inputs data={data} />
        </>
      )}
    </QueryView>
  );
}

function sentence(data: AssignmentDetail): string {
  const who = data.rep?.name ?? data.target?.name ?? data.new_owner_id;
  const why = data.rule ? `the rule “${data.rule.name}” matched` : "no rule matched, so the fallback took it";
  switch (data.state) {
    case "assigned": return `${who} owns it, because ${why}.`;
    case "failed": return `It was meant for ${who}, because ${why}, but Salesforce did not take the change.`;
    case "in_doubt": return `It is meant for ${who}, because ${why}. The call was cut, so the owner is being read back before anything is tried again.`;
    default: return `It goes to ${who}, because ${why}. It is not written yet.`;
  }
}

function facts(data: AssignmentDetail): [string, ReactNode][] {
  return [
    ["State", <StateBadge key="state" state={data.state} />],
    ["Record", <><CopyId key="id" value={data.record_id} what="record id" /> <Anchor component={Link} to={path.record(data.record_id)} size="sm">its whole story</Anchor></>],
    ["Rule", data.rule ? <><Anchor key="rule" component={Link} to={path.rule(data.rule.id)} size="md">{data.rule.name}</Anchor>, version {data.rule.version}</> : "Fallback"],
    ...(data.version ? [["Rule set", <>version {data.version.version}, published <Time at={data.version.published_at} /></>] as [string, ReactNode]] : []),
    ["Decided again", <Status key="again" tone={AGAIN[data.again.outcome]}>{data.again.outcome === "same" ? "Comes to the same" : data.again.outcome === "differs" ? "Comes to something else" : "Not possible"}</Status>],
    ["New owner", <CopyId key="new" value={data.new_owner_id} what="new owner's id" />],
    ...(data.previous_owner_id ? [["Owner before", <CopyId key="old" value={data.previous_owner_id} what="previous owner's id" />] as [string, ReactNode]] : []),
    ["Decided", <Time key="at" at={data.decided_at} />],
    ...(data.written_at ? [["Written", <><Time at={data.written_at} />{typeof data.seconds_to_owner === "number" ? `, ${duration(data.seconds_to_owner)} after the lead appeared` : ""}</>] as [string, ReactNode]] : []),
    ...(data.audit_id ? [["Audit entry", <CopyId key="audit" value={data.audit_id} what="audit entry's id" />] as [string, ReactNode]] : []),
  ];
}

function Fold({ title, children, open = false }: { title: string; children: ReactNode; open?: boolean }) {
  return <details className={css["fold"]} open={open}><summary>{title}</summary><div>{children}</div></details>;
}

const AGAIN = { same: "ok", differs: "bad", not_recomputable: "idle" } as const;

function Said({ data }: { data: AssignmentDetail }) {
  return (
    <Fold title="In words">
      <ol className={css["said"]}>{data.said.map((line, index) => <li key={index}>{line}</li>)}</ol>
    </Fold>
  );
}

const OUTCOME = { matched: "ok", not_matched: "idle", passed_on: "warn", no_territory: "warn", disabled: "idle" } as const;
const OUTCOME_WORD = { matched: "Matched", not_matched: "Did not match", passed_on: "Matched, nobody available", no_territory: "Matched, in no territory", disabled: "Off" } as const;

function Rules({ data }: { data: AssignmentDetail }) {
  if (data.reasons.length === 0) return null;
  return (
    <Fold title={`Rules tried: ${count(data.reasons.length)}`} open>
      <ul className={css["reasons"]}>
        {data.reasons.map(({ rule, outcome, failed_terms, changed_since }, index) => (
          <li key={rule.id ?? index}>
            <div className={css["reasonHead"]}>{rule.id ? <Link to={path.rule(rule.id)}>{rule.name}</Link> : <span>{rule.name}</span>}<Status tone={OUTCOME[outcome]}>{OUTCOME_WORD[outcome]}</Status></div>
            {changed_since ? <p>This rule was changed since, and its version is older than versions are kept: which of its terms failed is not known.</p> : null}
            {failed_terms.map((term) => (
              <p key={term.path}>
                {term.field} {operatorWord(term.op, undefined)}{term.expected === null || term.expected === undefined ? "" : ` ${Array.isArray(term.expected) ? term.expected.join(", ") : String(term.expected)}`}:
                {" "}not so{term.actual_kind === "empty" ? ", the field was empty" : ""}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </Fold>
  );
}

function Candidates({ data }: { data: AssignmentDetail }) {
  if (data.candidates.length === 0) return null;
  const skipped = data.candidates.filter((candidate) => candidate.outcome === "skipped").length;
  return (
    <Fold title={`Candidates: 1 chosen, ${plural(skipped, "passed over", "passed over")}`}>
      <div className={ui["scrollX"]}>
        <table className={ui["plainTable"]}>
          <thead><tr><th scope="col">Rep</th><th scope="col">Outcome</th><th scope="col" className={ui["num"]}>Weight</th><th scope="col" className={ui["num"]}>Turn</th></tr></thead>
          <tbody>{data.candidates.map((candidate, index) => (
            <tr key={candidate.rep.id ?? index}>
              <td>{candidate.rep.name}{candidate.passed_by ? <><br /><small>for “{candidate.passed_by}”, which passed it on</small></> : null}</td>
              <td><Status tone={candidate.outcome === "chosen" ? "ok" : "idle"}>{candidate.outcome === "chosen" ? "Chosen" : "Passed over"}</Status><br />{candidate.reason}{candidate.until ? <> Until <Time at={candidate.until} />.</> : null}</td>
              <td className={ui["num"]}>{candidate.weight}</td>
              <td className={ui["num"]}>{candidate.current_weight}</td>
            </tr>
          ))}</tbody>
        </table>
      </div>
    </Fold>
  );
}

function Inputs({ data }: { data: AssignmentDetail }) {
  if (data.inputs.length === 0) return null;
  return (
    <Fold title={`What the decision read: ${plural(data.inputs.length, "field")}`}>
      <Facts items={data.inputs.map(({ field, value, erased, erased_at }) => [field, erased === "field" && erased_at ? <>erased: the field left the data layer <Time at={erased_at} /></> : erased ? "erased with the record" : value === null || value === "" ? "empty" : String(value)])} />
    </Fold>
  );
}
