// The return from an OpenID provider: a code or an error, in the query.
import { useState } from "react";
import { useSearchParams } from "react-router";
import { api, path } from "../../paths";
import { Finish } from "./finish";
import { oidcAnswer } from "./answer";

export function Page() {
  const [params] = useSearchParams();
  const [answer] = useState(() => oidcAnswer(params));
  return <Finish address={api.ssoOidcComplete()} here={path.ssoOidc()} answer={answer} once={answer?.state ?? ""} />;
}
