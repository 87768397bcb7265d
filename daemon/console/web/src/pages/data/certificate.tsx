// The certificate of an erasure, for whoever kept the mail: what was erased, when, and what backups may hold.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client } from "../../api/client";
import { Problem } from "../../api/problem";
import type { Certificate } from "../../api/types";
import { plural } from "../../lib/format";
import { api } from "../../paths";
import { Door } from "../../shell/door";
import { QueryView } from "../../shell/query-view";
import { Time } from "../../ui/facts";
import { Facts } from "../../ui/page";
import { Notice } from "../../ui/status";
import css from "./data.module.css";

export function Page() {
  const tenant = window.location.hash.slice(1);
  const query = useQuery({
    queryKey: ["erasure", tenant],
    queryFn: ({ signal }) => client.knock<Certificate>(api.erasureLook(), { tenant }, signal),
    enabled: tenant !== "",
    retry: false,
  });
  return (
    <Door title="Certificate of erasure" lead="What was erased, when, and until when backups may still hold it. Signed by the audit log's key." wide>
      {tenant === "" ? <Notice tone="warn" title="The link is not whole">It ends with the organisation's id, after a #. Copy it from the mail once more.</Notice>
        : isUnknown(query.error) ? <Notice tone="warn" title="There is no certificate under this link">It is there once the erasure has finished. If the mail is older than that, copy its link once more: it has to be whole.</Notice>
        : <QueryView query={query} what="The certificate">{(certificate) => <Erased certificate={certificate} />}</QueryView>}
    </Door>
  );
}

/** Refused for what the link says, be it an id that nobody has or none at all. */
const isUnknown = (error: unknown): boolean => error instanceof Problem && error.status < 500 && error.status !== 429;

function Erased({ certificate }: { certificate: Certificate }) {
  const rows = Object.values(certificate.counts).reduce((sum, count) => sum + count, 0);
  return (
    <>
      <Facts items={[["Asked for", <Time key="asked" at={certificate.asked_at} />], ["Finished", <Time key="finished" at={certificate.finished_at} />], ["Erased", plural(rows, "row")]]} />
      <pre className={css["statement"]}>{certificate.statement}</pre>
      <Button component="a" variant="default" href={fileOf(certificate)} download={`revkeep-erasure-${certificate.tenant}.json`}>Download with its signature</Button>
    </>
  );
}

function fileOf({ statement, signature }: Certificate): string {
  return `data:application/json;charset=utf-8,${encodeURIComponent(JSON.stringify({ statement, signature }, null, 2))}`;
}
