-- Ways out of the rules on Kata Containers. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('kata-qemu-class', 'kata-on-qemu', 'advice', 'live', 'Use the runtime class kata-qemu-nvidia-gpu', 'exact'),
 ('kata-q35', 'kata-root-port', 'advice', 'live', 'Set machine_type q35 and cold_plug_vfio root-port', 'exact'),
 ('kata-upgrade', 'kata-version', 'package', 'reload', 'Install Kata 1.11 or later', 'equivalent'),
 ('kata-after-4-0', 'kata-passes-nvswitch', 'package', 'reload', 'Install a Kata after 4.0.0', 'equivalent'),
 ('kata-shared-nvswitch', 'kata-passes-nvswitch', 'advice', 'drain',
  'Keep the NVSwitches on the host and run Fabric Manager there in shared mode', 'exact');
