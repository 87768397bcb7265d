import { Kbd, Modal, Table } from "@mantine/core";

const KEYS: [string[], string][] = [
  [["Ctrl", "K"], "Search, or jump to a page, a record, a rule or a rep"],
  [["/"], "The same"],
  [["j"], "Next row of the list"],
  [["k"], "Previous row of the list"],
  [["Enter"], "Open the row"],
  [["Esc"], "Close what is open"],
  [["Space"], "On a rule's handle: lift it; then arrow keys, and space to drop"],
  [["?"], "This help"],
];

export default function KeyboardHelp({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keyboard" closeButtonProps={{ "aria-label": "Close" }}>
      <Table verticalSpacing={6}>
        <Table.Tbody>
          {KEYS.map(([keys, what]) => (
            <Table.Tr key={what + keys.join("")}>
              <Table.Td>{keys.map((key) => <Kbd key={key} mr={4}>{key}</Kbd>)}</Table.Td>
              <Table.Td>{what}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
