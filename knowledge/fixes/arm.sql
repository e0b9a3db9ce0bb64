-- Ways out of the rules on ARM servers. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('smmu-sva-kernel', 'smmu-shares-page-tables', 'advice', 'reboot', 'Boot a kernel with CONFIG_ARM_SMMU_V3_SVA=y', 'exact'),
 ('driver-580-64k', 'nvidia-64k-pages', 'package', 'reload', 'Install a driver of branch 580', 'equivalent'),
 ('kernel-4k', 'nvidia-64k-pages', 'advice', 'reboot', 'Boot a kernel with 4 KiB pages', 'exact'),
 ('kho-off', 'kernel-handover-leaves-memory', 'kernel-cmdline', 'reboot', 'Add kho=off to the kernel''s command line', 'exact'),
 ('lock-limit-for-bars', 'iommufd-locks-bars', 'advice', 'live', 'Raise the lock limit of QEMU by the BARs', 'exact');

CREATE VIEW step_kho_off AS
SELECT host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target, '+kho=off' AS want
FROM kernel;
