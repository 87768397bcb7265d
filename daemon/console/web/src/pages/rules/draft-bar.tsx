// What is written and does not decide yet: published after a look at what it changes, or let go.
import { Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconHistory, IconUpload } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client } from "../../api/client";
import { hasCode, messageOf } from "../../api/problem";
import { draftQuery, invalidateTopics, OBJECT } from "../../api/queries";
import type { LayerField, RuleDraft, RuleVersion } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { Confirm } from "../../ui/confirm";
import { Panel } from "../../ui/page";
import { Notice, ToneIcon } from "../../ui/status";
import { useToast } from "../../ui/toast";
import { Changes } from "./changes";
import css from "./versions.module.css";
import { VersionsDrawer } from "./versions-drawer";

type Asking = "publish" | "discard" | "versions";

export function DraftBar({ fields, mayEdit }: { fields: LayerField[]; mayEdit: boolean }) {
  const draft = useQuery(draftQuery()).data;
  const [asking, setAsking] = useState<Asking>();
  if (!draft || draft.published === null) return null;
  const waits = draft.changes.length > 0;
  const close = () => setAsking(undefined);
  const byName = new Map(fields.map((field) => [field.name, field]));
  return (
    <Panel>
      <div className={css["bar"]}>
        <p>
          <ToneIcon tone={waits ? "warn" : "ok"} size={16} />{" "}
          {waits
            ? <><strong>{plural(draft.changes.length, "change")}</strong> below {draft.changes.length === 1 ? "is" : "are"} a draft. Version {draft.published} decides until it is published.</>
            : <>Version {draft.published} decides: what you see below.</>}
        </p>
        <Group gap={8}>
          <Button variant="default" leftSection={<IconHistory size={16} aria-hidden />} onClick={() => setAsking("versions")}>Versions</Button>
          {waits && mayEdit ? <Button variant="subtle" color="gray" onClick={() => setAsking("discard")}>Discard</Button> : null}
          {waits ? <Button leftSection={<IconUpload size={16} aria-hidden />} onClick={() => setAsking("publish")}>{mayEdit ? "Review and publish" : "See the changes"}</Button> : null}
        </Group>
      </div>
      <PublishDialog opened={asking === "publish"} draft={draft} fields={byName} mayEdit={mayEdit} onClose={close} />
      <DiscardDialog opened={asking === "discard"} draft={draft} published={draft.published} onClose={close} />
      <VersionsDrawer opened={asking === "versions"} draft={draft} fields={byName} mayEdit={mayEdit} onClose={close} />
    </Panel>
  );
}

interface DialogProps { opened: boolean; draft: RuleDraft; onClose(): void }

function PublishDialog({ opened, draft, fields, mayEdit, onClose }: DialogProps & { fields: Map<string, LayerField>; mayEdit: boolean }) {
  const [note, setNote] = useState("");
  const queries = useQueryClient();
  const toast = useToast();
  const publish = useMutation({
    mutationFn: () => client.post<RuleVersion>(api.rulesPublish(OBJECT), { draft_version: draft.draft_version, note }),
    onSuccess: (version) => {
      invalidateTopics(queries, ["router"]);
      toast.done(`Version ${version.version} decides from the next cycle on.`);
      setNote("");
      onClose();
    },
    // The newest draft is read, so that what is confirmed next is what is shown.
    onError: () => queries.invalidateQueries({ queryKey: draftQuery().queryKey }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    publish.mutate();
  };
  const conflict = hasCode(publish.error, "version_conflict");
  return (
    <Modal opened={opened} onClose={onClose} title="What publishing changes" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {conflict ? <Notice tone="warn" title="Someone else changed the draft while you were looking">You see the newest now. Look again, then publish.</Notice> : null}
          {publish.isError && !conflict ? <Notice tone="bad" title="Not published">{messageOf(publish.error)}</Notice> : null}
          <Changes changes={draft.changes} fields={fields} />
          {mayEdit ? <Textarea label="Note" description="For whoever reads the versions later." maxLength={500} autosize minRows={2} value={note} onChange={(event) => setNote(event.currentTarget.value)} /> : null}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>{mayEdit ? "Cancel" : "Close"}</Button>
            {mayEdit ? <Button type="submit" loading={publish.isPending} disabled={draft.changes.length === 0}>Publish</Button> : null}
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function DiscardDialog({ opened, draft, published, onClose }: DialogProps & { published: number }) {
  const queries = useQueryClient();
  const toast = useToast();
  const discard = useMutation({
    mutationFn: () => client.post<RuleDraft>(api.rulesRestore(OBJECT, published), { draft_version: draft.draft_version }),
    onSuccess: () => {
      invalidateTopics(queries, ["router"]);
      toast.done(`The draft says again what version ${published} says.`);
      onClose();
    },
    onError: () => queries.invalidateQueries({ queryKey: draftQuery().queryKey }),
  });
  return (
    <Confirm
      opened={opened} title="Discard the draft" act="Discard" danger busy={discard.isPending} error={discard.isError ? messageOf(discard.error) : undefined}
      onClose={onClose} onConfirm={() => discard.mutate()}
    >
      {plural(draft.changes.length, "change")} that nobody published {draft.changes.length === 1 ? "is" : "are"} lost. The rules become what version {published} says.
    </Confirm>
  );
}
