import { path } from "../../paths";
import { SubNav } from "../../shell/sub-nav";
import { PageHead } from "../../ui/page";

const PARTS = [
  { to: path.account(), label: "Profile" },
  { to: path.accountPassword(), label: "Password" },
  { to: path.accountFactors(), label: "Second factor" },
  { to: path.accountSessions(), label: "Sessions" },
  { to: path.accountPrograms(), label: "Programs" },
];

/** The head that the pages of one's own account share. */
export function AccountHead({ section }: { section: string }) {
  return (
    <>
      <PageHead title="Your account" section={section}>Yours alone: what you change here counts in every organisation that you belong to.</PageHead>
      <SubNav label="Your account" items={PARTS} />
    </>
  );
}
