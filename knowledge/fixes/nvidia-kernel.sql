-- Ways out of the rules in rules/nvidia-kernel.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('newer-driver-for-kernel', 'nvidia-driver-builds', 'package', 'reload',
  'Install a driver version that builds for this kernel', 'equivalent'),
 ('older-kernel', 'nvidia-driver-builds', 'package', 'reboot', 'Boot an older kernel and hold it', 'exact'),
 ('build-for-next-kernel', 'nvidia-module-next-kernel', 'package', 'live',
  'Install the headers of the next kernel and build the module for it', 'equivalent'),
 ('install-headers', 'kernel-headers-for-dkms', 'package', 'live', 'Install the kernel''s headers', 'equivalent'),
 ('maintained-branch', 'nvidia-branch-supported', 'package', 'reload', 'Install a maintained branch', 'equivalent'),
 ('match-firmware', 'gsp-firmware-matches', 'package', 'reload',
  'Install firmware and modules of one release', 'equivalent'),
 ('proprietary-or-newer', 'nvidia-open-early-consumer', 'package', 'reload',
  'Install the proprietary modules, or 545 and later', 'equivalent'),
 ('proprietary-for-vgpu', 'nvidia-open-vgpu-host', 'package', 'reload',
  'Install the proprietary modules', 'equivalent'),
 ('mend-gpu-start', 'gpu-initialised', 'advice', 'reboot', 'Mend the cause that the log names, then start cold', 'one-way'),
 ('listed-board', 'gpu-dma-reach', 'advice', 'hardware', 'Use a board that the platform''s vendor lists', 'none'),
 ('disable-hmm', 'uvm-hmm-blackwell', 'modprobe', 'reload', 'Load nvidia_uvm with uvm_disable_hmm=1', 'exact'),
 ('newer-kernel', 'nvidia-kernel-new-enough', 'package', 'reboot', 'Boot a kernel of 4.15 or later', 'equivalent'),
 ('older-branch', 'nvidia-kernel-new-enough', 'package', 'reload', 'Install branch 550 or before', 'equivalent');

CREATE VIEW step_disable_hmm AS
SELECT a.host, a.address AS subject, 'modprobe' AS kind, 'happypath.conf' AS target,
       'options nvidia_uvm uvm_disable_hmm=1' AS want
FROM accelerator a
WHERE a.is_vf = 0;
