// Where this organisation's audit log is streamed to.
import { useQuery } from "@tanstack/react-query";
import { targetsQuery } from "../../api/siem";
import { useCan } from "../../api/session";
import { Streams } from "./streams";

export function Page() {
  return <Streams query={useQuery(targetsQuery())} mayEdit={useCan("siem_edit")} title="Log streams">The organisation's audit log, sent to where you archive and watch it, in the order in which it was sealed.</Streams>;
}
