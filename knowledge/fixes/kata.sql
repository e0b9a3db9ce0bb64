-- Ways out of the rules on Kata Containers. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('kata-qemu-class', 'kata-on-qemu', 'advice', 'live', 'Use the runtime class kata-qemu-nvidia-gpu', 'exact'),
 ('kata-q35', 'kata-root-port', 'advice', 'live', 'Set machine_type q35 and cold_plug_vfio root-port', 'exact'),
 ('kata-upgrade', 'kata-version', 'package', 'reload', 'Install Kata 1.11 or later', 'equivalent');
