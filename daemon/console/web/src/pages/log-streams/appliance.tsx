// Where the audit log of the whole appliance is streamed to.
import { useQuery } from "@tanstack/react-query";
import { applianceTargetsQuery } from "../../api/siem";
import { useCan } from "../../api/session";
import { APPLIANCE, OwnerContext } from "./owner";
import { Streams } from "./streams";

export function Page() {
  const query = useQuery(applianceTargetsQuery());
  const mayEdit = useCan("appliance_siem_edit");
  return (
    <OwnerContext value={APPLIANCE}>
      <Streams query={query} mayEdit={mayEdit} title="Appliance log streams">The audit log of every organisation and of the appliance, with its signed heads: an archive of them shows when the log was tampered with.</Streams>
    </OwnerContext>
  );
}
