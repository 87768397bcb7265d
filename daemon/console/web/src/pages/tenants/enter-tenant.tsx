// A support visit: a reason first, reading by default; writing with the owner's consent, or loudly without it.
import { Button, Group, Modal, Radio, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { hasCode, toTell } from "../../api/problem";
import { useSessionActions } from "../../api/session";
import type { PlatformTenant, SupportMode } from "../../api/types";
import { api, path } from "../../paths";
import { Notice } from "../../ui/status";

export function EnterTenant({ tenant, onClose }: { tenant: PlatformTenant; onClose(): void }) {
  const { move } = useSessionActions();
  const navigate = useNavigate();
  const [reason, setReason] = useState("");
  const [mode, setMode] = useState<SupportMode>("read");
  const [typed, setTyped] = useState("");
  const enter = useMutation({
    mutationFn: (breakGlass: boolean) => move(api.platformTenantVerb(tenant.id, "enter"), { reason: reason.trim(), mode, ...(breakGlass ? { break_glass: true } : {}) }),
    onSuccess: () => navigate(path.overview()),
  });
  const waits = hasCode(enter.error, "consent_required");
  const problem = waits ? undefined : toTell(enter.error);
  const breaking = waits && mode === "write";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    enter.mutate(breaking);
  };
  return (
    <Modal opened onClose={enter.isPending ? () => undefined : onClose} closeOnClickOutside={false} title={`Enter ${tenant.name}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          {problem ? <Notice tone="bad" title="Not entered">{problem}</Notice> : null}
          <Text size="sm">For at most 60 minutes. The owner gets a mail with your name and the reason, and every step stands in the organisation's audit log.</Text>
          <Textarea
            label="Reason" description="The owner reads it." placeholder="Ticket 4711: leads from Austria go to nobody" data-autofocus required withAsterisk={false} maxLength={300} autosize minRows={2}
            value={reason} onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Radio.Group label="What you may do" value={mode} onChange={(value) => { setMode(value as SupportMode); enter.reset(); }}>
            <Stack gap={10} mt={8}>
              <Radio value="read" label="Read" description="Everything but personal connections and keys." />
              <Radio value="write" label="Read and write" description="With the owner's consent. Approvals, exports, keys and sign-on stay closed in any case." />
            </Stack>
          </Radio.Group>
          {breaking ? (
            <Notice tone="warn" title="The owner has not consented yet">
              They were asked by mail. Wait, and enter again when they said yes. If that cannot wait, go in without consent: the owner and every administrator are told at once.
            </Notice>
          ) : null}
          {breaking ? (
            <TextInput label={<>Type <Text span fw={650} inherit>{tenant.name}</Text> to go in without consent</>} autoComplete="off" spellCheck={false} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
          ) : null}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>{breaking ? "Wait" : "Cancel"}</Button>
            <Button type="submit" {...(breaking ? { color: "red.9" } : {})} loading={enter.isPending} disabled={reason.trim() === "" || (breaking && typed.trim() !== tenant.name)}>
              {breaking ? "Enter without consent" : "Enter"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
