// Step by step in Salesforce (LR-32): a dedicated integration user who can do little, and an External Client App.
import { CopyId } from "../../ui/facts";
import { Panel } from "../../ui/page";
import { path } from "../../paths";
import css from "./connections.module.css";

export function SetupHelp({ open }: { open: boolean }) {
  const callback = `${window.location.origin}${path.connectSalesforce()}`;
  return (
    <Panel flush>
      <details className={css["help"]} open={open}>
        <summary>How to set it up in Salesforce, step by step (about 15 minutes)</summary>
        <div>
          <h3>1. A user for Revkeep alone</h3>
          <ol>
            <li>In Setup, open <strong>Users</strong> and make a user, for example “Revkeep Integration”, with the licence <strong>Salesforce Integration</strong> and the profile <strong>Minimum Access - API Only Integrations</strong>. A person's own account would work too, but then its rights and its absence become routing's.</li>
            <li>
              Open <strong>Permission Sets</strong>, make one named “Revkeep routing”, and give it:
              <ol>
                <li>Lead and Contact: Read and Edit on the object, with View All Records and Modify All Records if owners are to be changed across teams.</li>
                <li>Field-level security: Read on the fields that stand in the data layer, Edit on Owner, nothing more.</li>
                <li>System permissions: API Enabled, and Transfer Record, which changing an owner needs.</li>
              </ol>
            </li>
            <li>Assign the permission set to the user.</li>
          </ol>
          <h3>2. An External Client App</h3>
          <ol>
            <li>In Setup, open <strong>External Client App Manager</strong>, then <strong>New External Client App</strong>. Name it “Revkeep”; distribution state Local.</li>
            <li>Under <strong>API (Enable OAuth Settings)</strong>, enable OAuth and enter this callback address exactly: <CopyId value={callback} what="the callback address" /></li>
            <li>Choose two scopes and no more: <code>Manage user data via APIs (api)</code> and <code>Perform requests at any time (refresh_token, offline_access)</code>.</li>
            <li>Turn on <strong>Require Proof Key for Code Exchange (PKCE)</strong>, <strong>Require Secret for Web Server Flow</strong>, <strong>Require Secret for Refresh Token Flow</strong> and <strong>Enable Refresh Token Rotation</strong>.</li>
            <li>Under <strong>Policies</strong>, set Permitted Users to <strong>Admin approved users are pre-authorized</strong> and choose the permission set “Revkeep routing”.</li>
            <li>Under <strong>Settings</strong>, open <strong>Consumer Key and Secret</strong>, and copy both into the form above.</li>
          </ol>
          <h3>3. Connect</h3>
          <ol>
            <li>Press <strong>Connect to Salesforce</strong>. Salesforce asks for a sign-in: use the integration user, not your own account. A private window helps when you are signed in to Salesforce already.</li>
            <li>Allow the two scopes. Salesforce brings you back here, and the state says Connected.</li>
          </ol>
        </div>
      </details>
    </Panel>
  );
}
