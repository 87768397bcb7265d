// Which leads take part: SOQL, checked while it is typed. What is sent to Salesforce is always printed from the parse.
import { Button, Group, NumberInput, Stack, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf, Problem } from "../../api/problem";
import { invalidateTopics, OBJECT, routerQuery } from "../../api/queries";
import type { Router, RouterInput, Target, Validation } from "../../api/types";
import { api } from "../../paths";
import { Panel } from "../../ui/page";
import { Notice, ToneIcon } from "../../ui/status";
import { useToast } from "../../ui/toast";
import css from "./rules.module.css";
import { TargetPicker } from "./target-picker";

const STARTER = "SELECT Id FROM Lead\nWHERE Status = 'Open - Not Contacted'";
const CYCLE = { least: 5, most: 3600, usual: 30 };

interface Draft { text: string; fallback: Target | null; cycle: number | string; version: number | undefined }

const draftOf = (router: Router | null): Draft => ({
  text: router?.enrollment.text ?? STARTER, fallback: router?.fallback ?? null, cycle: router?.cycle_seconds ?? CYCLE.usual, version: router?.version,
});

const same = (a: Draft, b: Draft): boolean =>
  a.text === b.text && Number(a.cycle) === Number(b.cycle) && JSON.stringify(a.fallback) === JSON.stringify(b.fallback);

export function EnrollmentPanel({ router, mayEdit }: { router: Router | null; mayEdit: boolean }) {
  const [draft, setDraft] = useState(() => draftOf(router));
  const [base, setBase] = useState(draft);
  const stored = draftOf(router);
  // The router's version also grows by pausing and resuming; what is being typed here must survive that.
  if (stored.version !== base.version && (same(draft, base) || same(stored, base))) {
    if (same(draft, base)) setDraft(stored);
    setBase(stored);
  }
  const { text, fallback, cycle } = draft;
  const validation = useValidation(text, router);
  const save = useSave();
  const changed = !router || !same(draft, stored);
  const serverSays = save.error instanceof Problem ? save.error.forField("enrollment_text") : undefined;
  const adopt = (theirs: boolean) => {
    if (theirs) setDraft(stored);
    setBase(stored);
    save.reset();
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ enrollment_text: text, fallback, cycle_seconds: Number(cycle), ...(base.version === undefined ? {} : { version: base.version }) });
  };

  return (
    <Panel title="Enrollment" note="Which leads take part, how often Revkeep looks, and who gets a lead that no rule matches.">
      <form onSubmit={submit}>
        <Stack gap="md">
          {hasCode(save.error, "version_conflict") ? (
            <Notice
              tone="warn" title="Someone else changed the enrollment while you were writing"
              actions={<><Button size="xs" variant="default" onClick={() => adopt(true)}>Take theirs</Button><Button size="xs" variant="default" onClick={() => adopt(false)}>Keep mine, then save again</Button></>}
            >
              Nothing of yours is lost.
            </Notice>
          ) : save.isError && !serverSays ? <Notice tone="bad" title="Not saved">{messageOf(save.error)}</Notice> : null}
          <Textarea
            className={css["soql"] ?? ""} label="Query (SOQL)" autosize minRows={3} maxRows={14} spellCheck={false} readOnly={!mayEdit}
            description="SELECT … FROM Lead with a WHERE that restricts something. Converted leads are always left out."
            value={text} onChange={(event) => setDraft({ ...draft, text: event.currentTarget.value })} error={serverSays ?? validation?.error?.message}
          />
          <Sent text={text} validation={validation} />
          <div className={css["pair"]}>
            <TargetPicker
              label="Fallback" description="When no rule matches. Without one, such a lead becomes a failure with that reason." clearable disabled={!mayEdit}
              value={fallback} onChange={(next) => setDraft({ ...draft, fallback: next })}
            />
            <NumberInput
              label="Look every" description="Seconds" suffix=" s" min={CYCLE.least} max={CYCLE.most} allowDecimal={false} readOnly={!mayEdit}
              value={cycle} onChange={(next) => setDraft({ ...draft, cycle: next })}
            />
          </div>
          {mayEdit ? (
            <Group justify="flex-end" gap="xs">
              {changed && router ? <Button variant="subtle" color="gray" onClick={() => adopt(true)}>Discard changes</Button> : null}
              <Button type="submit" loading={save.isPending} disabled={!changed || validation?.ok === false}>Save enrollment</Button>
            </Group>
          ) : null}
        </Stack>
      </form>
    </Panel>
  );
}

function useSave() {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (input: RouterInput) => client.put<Router>(api.router(OBJECT), input),
    // On a conflict the newest is read, so that "take theirs" and "keep mine" both know it.
    onError: () => queries.invalidateQueries({ queryKey: routerQuery().queryKey }),
    onSuccess: (updated) => {
      queries.setQueryData(routerQuery().queryKey, updated);
      invalidateTopics(queries, ["router"]);
      toast.done("Enrollment saved. The query counts from the next cycle on, a new fallback once the draft is published.");
    },
  });
}

/** The server's judgement of what is typed, 400 ms after the last key; before that, what is stored. */
function useValidation(text: string, router: Router | null): Validation | undefined {
  const [settled] = useDebouncedValue(text, 400);
  const asked = settled.trim() !== "" && settled !== router?.enrollment.text;
  const query = useQuery({
    queryKey: ["routers", "validate", settled],
    queryFn: ({ signal }) => client.post<Validation>(api.routerValidate(OBJECT), { enrollment_text: settled }, { signal }),
    enabled: asked,
    staleTime: 60_000,
    placeholderData: (before) => before,
  });
  if (text === router?.enrollment.text) return { ok: !router.enrollment.error, ...router.enrollment };
  return query.data;
}

function Sent({ text, validation }: { text: string; validation: Validation | undefined }) {
  if (!validation) return null;
  const { error } = validation;
  if (error) {
    return (
      <div role="status">
        <div className={css["sentLabel"]}><ToneIcon tone="bad" size={14} /> Where it stops</div>
        <pre className={css["sent"]}>{text.slice(0, error.start)}<mark>{text.slice(error.start, error.end) || " "}</mark>{text.slice(Math.max(error.end, error.start))}</pre>
      </div>
    );
  }
  return (
    <div role="status">
      <div className={css["sentLabel"]}><ToneIcon tone="ok" size={14} /> Valid. This is what is sent to Salesforce:</div>
      <pre className={css["sent"]}>{validation.sent}</pre>
      {validation.warnings.map((warning) => <div key={warning.code} style={{ marginTop: 8 }}><Notice tone="warn" title="Worth a look">{warning.message}</Notice></div>)}
    </div>
  );
}
