-- The NVIDIA driver and the kernel: does it build here, will it after the next boot, has its branch ended.
-- SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nvidia-driver-builds', 'This driver version builds for the running kernel', 'blocks', '@host-driver :vgpu :mig-vgpu -@foreign',
  'Take a newer driver of the branch (or a newer branch), or boot an older kernel and hold it there.',
  'https://github.com/wvthoog/proxmox-vgpu-installer/issues/6 | '
  || 'https://github.com/NVIDIA/open-gpu-kernel-modules/issues/837',
  'accelerator.driver!=nvidia|host_summary.accelerators=0');
CREATE VIEW rule_nvidia_driver_builds AS
WITH nv AS (
  SELECT s.host, coalesce(a.address, '') AS subject, a.driver AS bound, k.release, k.release_key, d.kind,
         coalesce(nullif(d.loaded_version, 'none'), nullif(d.disk_version, 'none'), nullif(d.library_version, 'none'),
                  w.version, 'vGPU ' || d.vgpu_release) AS version,
         coalesce(d.loaded_version_key, d.disk_version_key, d.library_version_key, w.version_key) AS version_key,
         d.vgpu_release_key,
         CASE WHEN a.driver = 'nvidia' OR d.loaded_version <> 'none' OR m.state = 'loaded' THEN 1
              WHEN d.disk_version <> 'none' OR m.state = 'available' THEN 1 ELSE 0 END AS built
  FROM host_summary s
  LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
  LEFT JOIN nvidia_driver d ON d.host = s.host
  LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
  LEFT JOIN software w ON w.host = s.host AND w.name = 'nvidia-smi'
  LEFT JOIN kernel k ON k.host = s.host
  WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0)
), bad AS (
  SELECT nv.host, nv.subject, sorted_list(b.source) AS source, MIN(b.kernel_since) AS kernel_since,
         MAX(coalesce(b.first_good, '')) AS first_good
  FROM nv
  JOIN driver_kernel b ON b.kernel_since_key <= nv.release_key AND (b.kind = 'any' OR nv.kind = 'vgpu-host')
   AND ((substr(b.last_bad_key, 1, 10) = substr(nv.version_key, 1, 10) AND length(nv.version_key) > 11
         AND nv.version_key <= b.last_bad_key)
        OR (nv.version_key IS NULL AND b.kind = 'vgpu-host'
            AND substr(b.vgpu_last_bad_key, 1, 10) = substr(nv.vgpu_release_key, 1, 10)
            AND nv.vgpu_release_key <= b.vgpu_last_bad_key))
  GROUP BY nv.host, nv.subject
)
SELECT nv.host, nv.subject, NULL AS surface, NULL AS share,
       CASE WHEN nv.built = 1 THEN 'pass'
            WHEN bad.host IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       CASE WHEN nv.kind = 'vgpu-host' THEN 'vGPU host driver ' ELSE 'driver ' END
         || coalesce(nv.version, '(version not seen)') || ', kernel ' || coalesce(nv.release, '(not seen)')
         || coalesce(': known not to build from kernel ' || bad.kernel_since || ' on', '')
         || CASE WHEN bad.first_good <> '' THEN ', ' || bad.first_good || ' does' ELSE '' END
         || CASE WHEN nv.built = 1 THEN ': a module is there' ELSE '' END AS evidence
FROM nv
LEFT JOIN bad ON bad.host = nv.host AND bad.subject = nv.subject;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nvidia-module-next-kernel', 'The driver is built for the kernel that the next boot will start', 'degrades',
  '@host-driver :vgpu :mig-vgpu -@foreign',
  'Before the next boot: install the headers of that kernel and run dkms autoinstall -k RELEASE, or install the '
  || 'precompiled module for it, or pin the running kernel.',
  'repo:NVIDIA/cloud-native-docs:gpu-operator/platform-support.rst@52dcb7b',
  'kernel.next_release');
CREATE VIEW rule_nvidia_module_next_kernel AS
WITH nv AS (
  SELECT s.host, coalesce(a.address, '') AS subject, k.release, k.next_release, k.next_release_key,
         k.next_headers_installed, d.next_disk_version,
         coalesce(d.loaded_version, d.disk_version, w.version) AS version,
         coalesce(d.loaded_version_key, d.disk_version_key, d.library_version_key, w.version_key) AS version_key, d.kind
  FROM host_summary s
  JOIN kernel k ON k.host = s.host
  LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
  LEFT JOIN nvidia_driver d ON d.host = s.host
  LEFT JOIN software w ON w.host = s.host AND w.name = 'nvidia-smi'
  WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
    AND k.next_release IS NOT NULL AND k.next_release IS DISTINCT FROM k.release AND d.in_container IS DISTINCT FROM 1
), bad AS (
  SELECT nv.host, nv.subject, MIN(b.kernel_since) AS kernel_since
  FROM nv
  JOIN driver_kernel b ON b.kernel_since_key <= nv.next_release_key AND (b.kind = 'any' OR nv.kind = 'vgpu-host')
   AND substr(b.last_bad_key, 1, 10) = substr(nv.version_key, 1, 10) AND length(nv.version_key) > 11
   AND nv.version_key <= b.last_bad_key
  GROUP BY nv.host, nv.subject
)
SELECT nv.host, nv.subject, NULL AS surface, NULL AS share,
       CASE WHEN nv.next_disk_version <> 'none' THEN 'pass'
            WHEN nv.next_disk_version = 'none' OR bad.host IS NOT NULL OR nv.next_headers_installed = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'running ' || coalesce(nv.release, '(not seen)') || ', next ' || nv.next_release || '; nvidia module for it: '
         || coalesce(nv.next_disk_version, 'not seen')
         || coalesce('; driver ' || nv.version || ' is known not to build from kernel ' || bad.kernel_since || ' on', '')
         || CASE WHEN nv.next_headers_installed = 0 THEN '; its headers are not installed' ELSE '' END AS evidence
FROM nv
LEFT JOIN bad ON bad.host = nv.host AND bad.subject = nv.subject;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('kernel-headers-for-dkms', 'Headers of the running kernel are there where the module has yet to be built', 'blocks',
  '@host-driver :vgpu :mig-vgpu -@foreign',
  'Install the headers of exactly this kernel (linux-headers-$(uname -r), kernel-devel, proxmox-headers), then build '
  || 'the module.',
  'https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/index.html');
CREATE VIEW rule_kernel_headers_for_dkms AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.headers_installed = 1 THEN 'pass'
            WHEN k.headers_installed = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'headers for ' || coalesce(k.release, 'the running kernel') || ': '
         || CASE WHEN k.headers_installed = 1 THEN 'installed' WHEN k.headers_installed = 0 THEN 'not installed'
                 ELSE 'not seen' END || '; nvidia module on disk: ' || coalesce(d.disk_version, m.state, 'not seen')
         AS evidence
FROM host_summary s
JOIN kernel k ON k.host = s.host
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND (d.disk_version = 'none' OR m.disk_version = 'none' OR m.state = 'absent' OR d.in_container = 1)
  AND coalesce(d.loaded_version, 'none') = 'none' AND a.driver IS DISTINCT FROM 'nvidia';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-branch-supported', 'The driver''s branch still gets fixes', 'notes', '@host-driver :vgpu :mig-vgpu -@foreign',
  'Plan the step to a branch that is maintained (long-term branches: 535 until 2026, 580 until 2028).',
  'https://docs.nvidia.com/datacenter/tesla/drivers/615/supported-drivers-and-cuda-toolkit-versions.html | '
  || 'repo:endoflife-date/endoflife.date:products/nvidia-driver.md@a70eca3');
CREATE VIEW rule_nvidia_branch_supported AS
WITH nv AS (
  SELECT s.host, CASE WHEN s.accelerators = 0 AND s.pci_seen = 0 THEN 1 END AS may_be_there,
         CASE WHEN d.loaded_version = 'none' THEN d.disk_version ELSE d.loaded_version END AS version,
         CASE WHEN d.loaded_version = 'none' THEN d.disk_version_key ELSE d.loaded_version_key END AS version_key
  FROM host_summary s
  LEFT JOIN nvidia_driver d ON d.host = s.host
)
SELECT nv.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN b.end_of_life < i.as_of THEN 'fail'
            WHEN b.end_of_life >= i.as_of THEN 'pass'
            ELSE 'unknown' END AS result,
       'driver ' || coalesce(nv.version, '(version not seen)') || ', branch '
         || coalesce(CAST(b.branch AS TEXT), 'not known') || ': '
         || coalesce('ends or ended ' || b.end_of_life, 'end not known') || ', knowledge of ' || i.as_of AS evidence
FROM nv
LEFT JOIN driver_branch b ON substr('0000000000' || CAST(b.branch AS TEXT), length(CAST(b.branch AS TEXT)) + 1, 10)
                        = substr(nv.version_key, 1, 10)
LEFT JOIN accelerator a ON a.host = nv.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN knowledge_info i ON i.name = 'happypath'
WHERE a.address IS NOT NULL OR nv.may_be_there = 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gsp-firmware-matches', 'The GSP firmware on disk has the version of the open kernel modules', 'blocks',
  '@host-driver :vgpu :mig-vgpu -@foreign',
  'Install firmware and kernel modules of one release: the open modules work with their own firmware alone.',
  'repo:NVIDIA/open-gpu-kernel-modules:README.md@595.45.04',
  'nvidia_driver.firmware_version');
CREATE VIEW rule_gsp_firmware_matches AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.firmware_version = 'none' THEN 'fail'
            WHEN d.firmware_version_key <> coalesce(d.disk_version_key, d.loaded_version_key) THEN 'fail'
            WHEN d.firmware_version_key = coalesce(d.disk_version_key, d.loaded_version_key) THEN 'pass'
            ELSE 'unknown' END AS result,
       'GSP firmware ' || coalesce(d.firmware_version, 'not seen') || ', open kernel modules '
         || coalesce(nullif(d.disk_version, 'none'), d.loaded_version, 'of a version not seen') AS evidence
FROM accelerator a
JOIN nvidia_driver d ON d.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND d.firmware_version IS NOT NULL AND d.in_container IS DISTINCT FROM 1
  AND coalesce(nullif(d.disk_flavour, 'none'), d.loaded_flavour) = 'open';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-open-early-consumer', 'Open kernel modules before 545 are not used on a GeForce or workstation GPU', 'blocks',
  '@host-driver',
  'Install the proprietary flavour, or 545 and later. Up to 535 such GPUs are unsupported in the open modules and need '
  || 'NVreg_OpenRmEnableUnsupportedGpus=1 even to be tried.',
  'https://github.com/NVIDIA/open-gpu-kernel-modules/issues/116 | https://github.com/NVIDIA/open-gpu-kernel-modules/issues/20 | '
  || 'https://github.com/NVIDIA/open-gpu-kernel-modules/releases/tag/545.23.06');
CREATE VIEW rule_nvidia_open_early_consumer AS
WITH nv AS (
  SELECT a.host, a.address, a.name, a.class, x.segment,
         coalesce(nullif(d.loaded_version, 'none'), nullif(d.disk_version, 'none'), nullif(m.version, 'none'),
                  m.disk_version) AS version,
         coalesce(d.loaded_version_key, d.disk_version_key, m.version_key, m.disk_version_key) AS version_key,
         coalesce(nullif(d.loaded_flavour, 'none'), nullif(d.disk_flavour, 'none'),
                  CASE WHEN m.license = 'NVIDIA' THEN 'proprietary'
                       WHEN m.license IN ('Dual MIT/GPL', 'MIT', 'GPL', 'GPL v2') THEN 'open' END) AS flavour,
         p.value AS forced
  FROM accelerator a
  LEFT JOIN accelerator_model x ON x.vendor = a.vendor AND x.device = a.device AND x.subsystem = ''
  LEFT JOIN nvidia_driver d ON d.host = a.host
  LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
  LEFT JOIN module_parameter p ON p.host = a.host AND p.module = 'nvidia'
                              AND p.parameter IN ('NVreg_OpenRmEnableUnsupportedGpus', 'OpenRmEnableUnsupportedGpus')
  WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.open_module IS DISTINCT FROM 'unsupported'
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN flavour = 'proprietary' OR version_key >= version_key('545') OR forced = '1' THEN 'pass'
            WHEN flavour = 'open' AND version_key < version_key('545')
             AND (segment IN ('consumer', 'workstation', 'mobile') OR (segment IS NULL AND substr(class, 1, 4) = '0300'))
            THEN 'fail'
            WHEN segment = 'datacenter' THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(name, address) || ' (' || coalesce(segment, 'segment not known') || '), '
         || coalesce(flavour, 'flavour not seen') || ' kernel modules ' || coalesce(version, 'of a version not seen')
         AS evidence
FROM nv
WHERE coalesce(flavour, 'open') = 'open';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nvidia-open-vgpu-host', 'A vGPU host has the flavour of kernel modules that NVIDIA recommends for its GPU', 'degrades',
  ':vgpu :mig-vgpu -@foreign',
  'On Turing and Ampere use the proprietary modules for vGPU; the open ones are recommended from Ada on.',
  'https://forums.developer.nvidia.com/t/unix-graphics-feature-deprecation-schedule/60588',
  'nvidia_driver.kind=vgpu-host');
CREATE VIEW rule_nvidia_open_vgpu_host AS
WITH nv AS (
  SELECT a.host, a.address, a.name, a.generation,
         coalesce(nullif(d.loaded_flavour, 'none'), nullif(d.disk_flavour, 'none')) AS flavour
  FROM accelerator a
  JOIN nvidia_driver d ON d.host = a.host
  WHERE a.vendor = '10de' AND a.is_vf = 0 AND d.kind = 'vgpu-host'
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN flavour = 'open' AND generation IN ('turing', 'ampere') THEN 'fail'
            WHEN flavour = 'proprietary' AND generation IN ('maxwell', 'pascal', 'volta', 'turing', 'ampere') THEN 'pass'
            WHEN generation IN ('ada', 'hopper', 'blackwell') AND flavour IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(name, address) || ' (' || coalesce(generation, 'generation not known') || '), vGPU host driver with '
         || coalesce(flavour, 'not seen') || ' kernel modules' AS evidence
FROM nv;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gpu-initialised', 'The kernel log has no failure of the driver to start this GPU', 'blocks', '@host-driver',
  'The line names the cause: another flavour or version of the driver, a missing BAR, a GPU that fell off the bus. '
  || 'Mend that; a GPU in a bad state needs a reset or a cold boot first.',
  'https://docs.nvidia.com/deploy/xid-errors/index.html | repo:NVIDIA/open-gpu-kernel-modules:README.md@595.45.04',
  'observed.tbl=kernel_message');
CREATE VIEW rule_gpu_initialised AS
WITH line AS (
  SELECT host, address, MIN(message) AS first_line
  FROM kernel_message
  WHERE kind IN ('nvrm-driver-ignores', 'nvrm-needs-open', 'gsp-rm-missing-engine', 'rminit-failed', 'dma-not-addressable')
  GROUP BY host, address
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN l.first_line IS NOT NULL THEN 'fail'
            WHEN n.first_line IS NOT NULL AND s.nvidia_accelerators = 1 THEN 'fail'
            WHEN n.first_line IS NOT NULL THEN 'unknown'
            WHEN o.state = 'complete' THEN 'pass'
            ELSE 'unknown' END AS result,
       'kernel log: ' || coalesce(l.first_line, n.first_line,
                                  CASE WHEN o.state = 'complete' THEN 'nothing of ' || a.address END, 'not read')
         AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host
JOIN observed o ON o.host = a.host AND o.tbl = 'kernel_message' AND o.subject = ''
LEFT JOIN line l ON l.host = a.host AND l.address = a.address
LEFT JOIN (SELECT host, MIN(first_line) AS first_line FROM line WHERE coalesce(address, 'none') = 'none' GROUP BY host) n
  ON n.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND o.state IN ('complete', 'partial');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gpu-dma-reach', 'The platform''s IOMMU hands out addresses that the GPU can reach', 'degrades', '@host-driver',
  'On POWER the DMA window lies above the 47 address bits of a PCIe GPU: use a board that the platform''s vendor lists '
  || '(V100 with NVLink, T4), or 32-bit DMA windows.',
  'https://github.com/NVIDIA/open-gpu-kernel-modules/issues/683',
  'machine.architecture=ppc64le|kernel_message');
CREATE VIEW rule_gpu_dma_reach AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.told > 0 THEN 'fail'
            WHEN mc.architecture = 'ppc64le' AND a.generation IN ('turing', 'ampere', 'ada', 'blackwell')
             AND substr(a.class, 1, 4) = '0300' THEN 'fail'
            WHEN mc.architecture IN ('x86_64', 'aarch64') THEN 'pass'
            ELSE 'unknown' END AS result,
       'architecture ' || coalesce(mc.architecture, 'not seen') || ', ' || coalesce(a.name, a.address)
         || coalesce(', kernel log: ' || k.first_line, '') AS evidence
FROM accelerator a
JOIN machine mc ON mc.host = a.host
LEFT JOIN kernel_told k ON k.host = a.host AND k.kind = 'dma-not-addressable' AND k.address = ''
WHERE a.vendor = '10de' AND a.is_vf = 0 AND (mc.architecture = 'ppc64le' OR k.told > 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('uvm-hmm-blackwell', 'Heterogeneous memory management does not get in CUDA''s way on RTX PRO 6000 Blackwell', 'notes',
  '@host-driver',
  'If CUDA does not initialise, load nvidia_uvm with uvm_disable_hmm=1.',
  'repo:NVIDIA/cloud-native-docs:gpu-operator/platform-support.rst@52dcb7b',
  'accelerator.device=?2bb5');
CREATE VIEW rule_uvm_hmm_blackwell AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.value IN ('1', 'Y') THEN 'pass'
            WHEN p.value IN ('0', 'N') AND a.device = '2bb5' THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ', uvm_disable_hmm ' || coalesce(p.value, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN module_parameter p ON p.host = a.host AND p.module = 'nvidia_uvm' AND p.parameter = 'uvm_disable_hmm'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(a.device, '2bb5') = '2bb5';

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nvidia-kernel-new-enough', 'The kernel is new enough for this driver branch', 'blocks', '@host-driver :vgpu :mig-vgpu -@foreign',
  'Boot a kernel of 4.15 or later (CentOS and RHEL 7 have 3.10), or stay with branch 550 and before.',
  'repo:NVIDIA/open-gpu-kernel-modules:README.md@555.42.02 | repo:NVIDIA/open-gpu-kernel-modules:README.md@545.29.02',
  'accelerator.driver!=nvidia|host_summary.accelerators=0');
CREATE VIEW rule_nvidia_kernel_new_enough AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver = 'nvidia' OR d.loaded_version <> 'none' OR m.state = 'loaded' THEN 'pass'
            WHEN k.release_key >= version_key('4.15') THEN 'pass'
            WHEN k.release_key < version_key('4.15')
             AND coalesce(d.disk_version_key, d.library_version_key) >= version_key('555') THEN 'fail'
            ELSE 'unknown' END AS result,
       'kernel ' || coalesce(k.release, '(not seen)') || ', driver '
         || coalesce(nullif(d.loaded_version, 'none'), nullif(d.disk_version, 'none'), d.library_version, 'not seen')
         || '; 555 and later need 4.15' AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);
