// The rules in their order. Dragged by the handle, or moved by keyboard: space lifts, arrows move, space drops.
import { Button, Switch, VisuallyHidden } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { IconGripVertical, IconRoute } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { Link } from "react-router";
import { client } from "../../api/client";
import { hasCode, messageOf } from "../../api/problem";
import { OBJECT, rulesQuery } from "../../api/queries";
import type { LayerField, Rule, RuleList as Rules, GiveTo } from "../../api/types";
import { count } from "../../lib/format";
import { api, path } from "../../paths";
import { Panel } from "../../ui/page";
import { move, useReorder } from "../../ui/reorder";
import { Empty } from "../../ui/states";
import { useToast } from "../../ui/toast";
import { describe } from "./condition";
import css from "./rules.module.css";
import { encodeTarget, useTargetNames } from "./target-picker";

interface RuleListProps { list: Rules; fields: LayerField[]; fallback: GiveTo | null; mayEdit: boolean; enrolled: boolean }

export function RuleList({ list, fields, fallback, mayEdit, enrolled }: RuleListProps) {
  const holder = useRef<HTMLOListElement>(null);
  const [settling, setSettling] = useState(false);
  const save = useOrder();
  const toggle = useToggle();
  const names = useTargetNames();
  const byName = new Map(fields.map((field) => [field.name, field]));
  const reorder = useReorder(
    () => [...(holder.current?.querySelectorAll<HTMLElement>("li") ?? [])],
    (from, to) => {
      // The new order is drawn at once; rows must not glide back from where they were dropped.
      setSettling(true);
      requestAnimationFrame(() => requestAnimationFrame(() => setSettling(false)));
      save.mutate({ items: move(list.items, from, to), version: list.version });
    },
  );

  if (list.items.length === 0) {
    return (
      <Panel title="Order">
        <Empty icon={IconRoute} title="No rules yet" action={mayEdit && enrolled ? <Button component={Link} to={path.ruleNew()}>Write the first rule</Button> : undefined}>
          A rule says which leads go to whom: for example, country Germany to the pool EMEA. {enrolled ? "Until one matches, a lead goes to the fallback." : "First say above which leads take part; then rules can be added."}
        </Empty>
      </Panel>
    );
  }
  return (
    <Panel title="Order" note="The first rule that matches decides. Drag by the handle, or focus it and press space." flush>
      <VisuallyHidden role="status" aria-live="assertive">{reorder.announcement}</VisuallyHidden>
      <ol className={css["rules"]} ref={holder} data-still={settling || undefined}>
        {list.items.map((rule, index) => {
          const shift = reorder.shift(index);
          return (
            <li
              key={rule.id}
              className={css["rule"]}
              data-lifted={reorder.lifted?.from === index ? reorder.lifted.by : undefined}
              data-off={rule.enabled ? undefined : true}
              style={shift === 0 ? undefined : { transform: `translateY(${shift}px)` }}
            >
              {mayEdit ? (
                <button type="button" className={css["handle"]} aria-label={`Move ${rule.name}, position ${index + 1} of ${list.items.length}`} {...reorder.handle(index, rule.name)}>
                  <IconGripVertical size={16} aria-hidden />
                </button>
              ) : <span />}
              <span className={css["position"]}>{index + 1}</span>
              <div style={{ minWidth: 0 }}>
                <Link className={css["ruleName"] ?? ""} to={path.rule(rule.id)}>{rule.name}</Link>
                <span className={css["ruleText"]} title={describe(rule.condition, byName)}>{describe(rule.condition, byName)}</span>
              </div>
              <span className={css["ruleTarget"]}>{targetWords(rule.target, names)}</span>
              <span className={css["ruleCount"]}>{count(rule.matched_7d)}<small>in 7 days</small></span>
              <Switch
                size="sm" checked={rule.enabled} disabled={!mayEdit} label={rule.enabled ? "On" : "Off"} aria-label={`${rule.name} is on`}
                onChange={(event) => toggle.mutate({ rule, enabled: event.currentTarget.checked })}
              />
            </li>
          );
        })}
      </ol>
      <div className={css["fallback"]}>
        <span>Otherwise</span>
        <span>{fallback ? targetWords(fallback, names) : "no fallback: the lead becomes a failure, with the reason that no rule matched"}</span>
      </div>
    </Panel>
  );
}

const KIND = { user: "Rep", pool: "Pool", queue: "Queue" } as const;

function targetWords(target: GiveTo, names: Map<string, string>): string {
  if (target.kind === "territory") return "The territory's owner";
  return `${KIND[target.kind]}: ${names.get(encodeTarget(target)) ?? "…"}`;
}

function useOrder() {
  const queries = useQueryClient();
  const toast = useToast();
  const { queryKey } = rulesQuery();
  return useMutation({
    mutationFn: ({ items, version }: Rules) => client.post<Rules>(api.rulesOrder(OBJECT), { ids: items.map((rule) => rule.id), version }),
    onMutate: async (next) => {
      await queries.cancelQueries({ queryKey });
      const before = queries.getQueryData(queryKey);
      queries.setQueryData(queryKey, next);
      return { before };
    },
    onError: (error, _, context) => {
      queries.setQueryData(queryKey, context?.before);
      toast.failed(hasCode(error, "version_conflict")
        ? "Not moved: someone else changed the rules. You see the newest order now; move it again if it still makes sense."
        : `Not moved. ${messageOf(error)}`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey }),
  });
}

function useToggle() {
  const queries = useQueryClient();
  const toast = useToast();
  const { queryKey } = rulesQuery();
  return useMutation({
    mutationFn: ({ rule, enabled }: { rule: Rule; enabled: boolean }) =>
      client.put<Rule>(api.rule(rule.id), { name: rule.name, condition: rule.condition, target: rule.target, unavailable: rule.unavailable, enabled, version: rule.version }),
    onSuccess: (rule) => toast.done(rule.enabled ? `“${rule.name}” is on in the draft.` : `“${rule.name}” is off in the draft. Once published, leads that it took meet the rules after it.`),
    onError: (error) => toast.failed(hasCode(error, "version_conflict") ? "Not changed: someone else changed this rule. You see theirs now." : `Not changed. ${messageOf(error)}`),
    onSettled: () => queries.invalidateQueries({ queryKey }),
  });
}
