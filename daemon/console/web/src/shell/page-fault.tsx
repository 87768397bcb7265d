import { Button } from "@mantine/core";
import { useRouteError } from "react-router";
import { messageOf, requestIdOf } from "../api/problem";
import { Fault } from "../ui/states";

/** A page that could not be drawn or loaded; the rest of the app goes on. */
export function PageFault() {
  const error = useRouteError();
  const lost = error instanceof TypeError && /import|module/i.test(error.message);
  return (
    <div>
      <Fault
        title={lost ? "This page's program could not be loaded" : "This page could not be shown"}
        message={lost ? "Revkeep was probably upgraded while this tab was open. Reload to get the new version." : messageOf(error)}
        requestId={requestIdOf(error)}
      />
      <Button variant="default" onClick={() => window.location.reload()}>Reload</Button>
    </div>
  );
}
