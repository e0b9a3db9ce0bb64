-- Ways out of the rules on guests. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('host-phys-bits', 'guest-bits-within-host', 'advice', 'live', 'Give the guest the host''s physical address bits', 'exact'),
 ('larger-window', 'guest-window-holds-bars', 'advice', 'live', 'Give the guest a larger 64-bit MMIO window', 'exact'),
 ('smaller-bar', 'guest-window-holds-bars', 'advice', 'firmware', 'Switch Resizable BAR off in the firmware setup', 'equivalent'),
 ('ovmf-mmio64', 'ovmf-window-holds-bars', 'advice', 'live', 'Set opt/ovmf/X-PciMmio64Mb', 'exact'),
 ('smaller-window', 'guest-window-within-host', 'advice', 'live', 'Give the guest a smaller 64-bit window', 'exact'),
 ('guest-driver', 'guest-driver-knows-gpu', 'advice', 'live', 'Install another driver in the guest', 'equivalent'),
 ('guest-driver-465', 'geforce-driver-allows-vm', 'advice', 'live', 'Install driver 465 or later in the guest', 'equivalent');
