-- Ways out of what a guest sees: settings of its VMM, which take a restart of the guest. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('guest-larger-window', 'guest-bars-assigned', 'advice', 'reboot', 'Give this guest a 64-bit window that holds the BARs', 'exact'),
 ('guest-more-bits', 'guest-address-width', 'advice', 'reboot', 'Give this guest the host''s address bits', 'exact'),
 ('guest-vmm-keeps-prefetch', 'guest-bars-prefetchable', 'advice', 'reboot', 'Run a VMM that keeps the prefetchable bit', 'exact'),
 ('guest-add-port', 'guest-port-required', 'advice', 'reboot', 'Put the device behind a PCI Express root port', 'exact'),
 ('guest-behind-port', 'guest-endpoint', 'advice', 'reboot', 'Put the device behind a PCI Express root port', 'exact'),
 ('guest-pass-interrupts', 'guest-interrupts', 'advice', 'reboot', 'Have the VMM pass MSI-X or MSI', 'exact'),
 ('guest-pass-msix', 'guest-msix', 'advice', 'reboot', 'Have the VMM pass MSI-X', 'exact'),
 ('guest-show-hypervisor', 'guest-hypervisor-known', 'advice', 'reboot', 'Let the guest see its hypervisor''s signature', 'exact'),
 ('guest-set-clique', 'guest-p2p-clique', 'advice', 'reboot', 'Declare the peers'' clique', 'exact'),
 ('guest-pass-ats', 'guest-ats', 'advice', 'reboot', 'Have the VMM pass ATS', 'exact');
