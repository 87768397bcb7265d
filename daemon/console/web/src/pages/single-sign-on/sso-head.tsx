import type { ReactNode } from "react";
import { path } from "../../paths";
import { SubNav } from "../../shell/sub-nav";
import { PageHead } from "../../ui/page";

/** The head that sign-in and provisioning share. */
export function SsoHead({ section, actions }: { section: string; actions?: ReactNode }) {
  return (
    <>
      <PageHead title="Single sign-on" section={section} actions={actions}>Your people sign in with the account that your organisation gave them, and leave Revkeep when they leave it.</PageHead>
      <SubNav label="Single sign-on" items={[{ to: path.singleSignOn(), label: "Sign-in" }, { to: path.provisioning(), label: "Provisioning" }]} />
    </>
  );
}
