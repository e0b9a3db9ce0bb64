-- Ways out of the rules on QEMU. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('qemu-9-2', 'qemu-aligns-large-bars', 'package', 'live', 'Install QEMU 9.2 or later', 'equivalent'),
 ('qemu-9-0', 'qemu-iommufd', 'package', 'live', 'Install QEMU 9.0 or later, or leave iommufd off', 'equivalent'),
 ('libvirt-12-1', 'libvirt-iommufd', 'package', 'reload', 'Install libvirt 12.1 or later', 'equivalent'),
 ('add-root-port', 'qemu-root-port', 'advice', 'live', 'Put the GPU behind a pcie-root-port', 'exact'),
 ('machine-q35', 'i440fx-large-bar', 'advice', 'live', 'Use the machine type q35', 'exact');

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('microvm-pcie-on', 'microvm-has-pcie', 'advice', 'live', 'Give the microvm machine pcie=on', 'exact'),
 ('one-function', 'qemu-atomics-single-function', 'advice', 'live', 'Hand the GPU over as a single function', 'exact');
