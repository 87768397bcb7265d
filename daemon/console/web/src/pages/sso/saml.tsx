// The return from a SAML provider: the server has read its answer, and left a one-time ticket for it in the fragment.
import { useState } from "react";
import { useLocation } from "react-router";
import { api, path } from "../../paths";
import { Finish } from "./finish";
import { samlReturn } from "./answer";

export function Page() {
  const { hash } = useLocation();
  const [{ ticket, refused }] = useState(() => samlReturn(hash));
  return <Finish address={api.ssoSamlComplete()} here={path.ssoSaml()} answer={{ ticket }} once={ticket} refused={refused} />;
}
