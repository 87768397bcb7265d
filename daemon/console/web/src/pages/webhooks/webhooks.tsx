// Where this organisation is told of what happens: each webhook, how it fares, and on the right its details.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { IconPlus, IconWebhook } from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { useCan } from "../../api/session";
import { type Webhook, webhooksQuery } from "../../api/webhooks";
import { path } from "../../paths";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { PageHead, Panel } from "../../ui/page";
import { Empty } from "../../ui/states";
import { Notice, Status } from "../../ui/status";
import { type Column, OnPhone, RecordTable, TwoLines } from "../../ui/table";
import { CreateWebhook } from "./create-webhook";
import { WebhookDrawer } from "./webhook-drawer";
import { eventWords, hostOf, stateOf, stoppedWords } from "./words";

export function Page() {
  const { id } = useParams();
  const navigate = useNavigate();
  const query = useQuery(webhooksQuery());
  const mayEdit = useCan("webhook_edit");
  const [creating, setCreating] = useState(false);
  const add = mayEdit ? <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>New webhook</Button> : undefined;
  return (
    <>
      <PageHead title="Webhooks" actions={query.data && query.data.length > 0 ? add : undefined}>Programs of yours that are told what happens here, by a signed request to an address of theirs.</PageHead>
      <QueryView query={query} what="The webhooks">
        {(webhooks) => (
          <>
            <Stopped webhooks={webhooks} />
            <Panel flush>
              {webhooks.length === 0
                ? <Empty icon={IconWebhook} title="Nobody is told" action={add}>A webhook posts events, such as records that could not be routed, to a program of yours. Each request is signed, so that your program knows it is ours.</Empty>
                : <RecordTable label="Webhooks" rows={webhooks} columns={COLUMNS} rowKey={(webhook) => webhook.id} rowState={(webhook) => webhook.state} href={(webhook) => path.webhook(webhook.id)} onOpen={(webhook) => { void navigate(path.webhook(webhook.id)); }} selected={id} />}
            </Panel>
          </>
        )}
      </QueryView>
      <WebhookDrawer id={id} webhooks={query.data} mayEdit={mayEdit} onClose={() => { void navigate(path.webhooks()); }} />
      {creating ? <CreateWebhook onClose={() => setCreating(false)} /> : null}
    </>
  );
}

const COLUMNS: Column<Webhook>[] = [
  { id: "name", header: "Webhook", cell: (webhook) => <TwoLines main={webhook.name} sub={<><OnPhone>{stateOf(webhook).word}, </OnPhone><span className="mono">{hostOf(webhook.url)}</span></>} /> },
  { id: "events", header: "Events", hideBelow: "md", cell: (webhook) => <span title={eventWords(webhook.events)}>{eventWords(webhook.events)}</span> },
  { id: "state", header: "State", width: "150px", hideBelow: "sm", cell: (webhook) => <Status tone={stateOf(webhook).tone}>{stateOf(webhook).word}</Status> },
  { id: "since", header: "Failing since", width: "130px", hideBelow: "lg", cell: (webhook) => (webhook.failing_since ? <Time at={webhook.failing_since} ago /> : "") },
  { id: "made", header: "Made", width: "110px", hideBelow: "lg", cell: (webhook) => <Time at={webhook.created_at} ago /> },
];

function Stopped({ webhooks }: { webhooks: Webhook[] }) {
  return webhooks.filter((webhook) => webhook.state === "stopped").map((webhook) => (
    <Notice key={webhook.id} tone="bad" title={`${webhook.name} was switched off`}>
      {stoppedWords(webhook.stopped)} What happens meanwhile is not told later. Switch it on again when its receiver is there.
    </Notice>
  ));
}
