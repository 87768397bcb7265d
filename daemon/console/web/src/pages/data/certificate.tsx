// The certificate of an erasure, for whoever kept the mail: what was erased, when, and what backups may hold.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client } from "../../api/client";
import type { Certificate } from "../../api/types";
import { api } from "../../paths";
import { Door } from "../../shell/door";
import { QueryView } from "../../shell/query-view";
import css from "./data.module.css";

export function Page() {
  const tenant = window.location.hash.slice(1);
  const query = useQuery({
    queryKey: ["erasure", tenant],
    queryFn: ({ signal }) => client.knock<Certificate>(api.erasureLook(), { tenant }, signal),
    retry: false,
  });
  return (
    <Door title="Certificate of erasure" lead="What was erased, when, and until when backups may still hold it. Signed by the audit log's key." wide>
      <QueryView query={query} what="The certificate">
        {(certificate) => (
          <>
            <pre className={css["statement"]}>{certificate.statement}</pre>
            <Button component="a" variant="default" href={fileOf(certificate)} download={`revkeep-erasure-${certificate.tenant}.json`}>Download with its signature</Button>
          </>
        )}
      </QueryView>
    </Door>
  );
}

function fileOf({ statement, signature }: Certificate): string {
  return `data:application/json;charset=utf-8,${encodeURIComponent(JSON.stringify({ statement, signature }, null, 2))}`;
}
