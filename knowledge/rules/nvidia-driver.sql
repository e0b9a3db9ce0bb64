-- The NVIDIA driver: loaded, one version throughout, the right flavour and branch for the GPU.
-- SPDX-License-Identifier: Apache-2.0
--
-- A host whose PCI functions nobody has seen yet has no accelerator to speak of: such rows have the
-- subject '', so that a ticket which tells of the driver alone is judged all the same.

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nvidia-driver-loaded', 'The NVIDIA kernel driver is loaded', 'blocks', '@host-driver',
  'Install a driver for this kernel and GPU, then load it: modprobe nvidia. If it refuses, the kernel log says why.',
  'https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/index.html',
  'accelerator.driver!=nvidia|host_summary.accelerators=0');
CREATE VIEW rule_nvidia_driver_loaded AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver = 'nvidia' OR d.loaded_version <> 'none' OR m.state IN ('loaded', 'builtin') THEN 'pass'
            WHEN d.loaded_version = 'none' OR m.state IN ('available', 'absent') THEN 'fail'
            ELSE 'unknown' END AS result,
       'nvidia module: ' || coalesce(CASE WHEN d.loaded_version = 'none' THEN 'not loaded'
                                          ELSE 'version ' || d.loaded_version || ' loaded' END,
                                     m.state, CASE WHEN a.driver = 'nvidia' THEN 'drives ' || a.address END,
                                     'not seen')
         || coalesce('; loaded instead: ' || r.modules, '') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
LEFT JOIN (SELECT host, sorted_list(module) AS modules FROM module
           WHERE state = 'loaded' AND module IN ('nouveau', 'nova_core', 'nvidiafb') GROUP BY host) r ON r.host = s.host
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nvidia-driver-bound', 'The GPU is driven by the NVIDIA driver', 'blocks', '@host-driver',
  'Release the GPU from the driver that has it and bind it to nvidia (clear driver_override, then drivers_probe).',
  'kernel:Documentation/ABI/testing/sysfs-bus-pci',
  'accelerator.driver!=nvidia');
CREATE VIEW rule_nvidia_driver_bound AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver = 'nvidia' THEN 'pass'
            WHEN a.driver <> 'none' THEN 'fail'
            WHEN a.driver = 'none' AND (d.loaded_version <> 'none' OR m.state = 'loaded') THEN 'fail'
            WHEN a.driver = 'none' AND a.driver_override NOT IN ('none', 'nvidia') THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, '(driver not seen)')
         || CASE WHEN a.driver_override <> 'none' THEN ', driver_override ' || a.driver_override ELSE '' END
         AS evidence
FROM accelerator a
LEFT JOIN nvidia_driver d ON d.host = a.host
LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-library-matches-module', 'The loaded kernel module and the user-space libraries are of one version',
  'blocks', '@host-driver',
  'If the module on disk already has the libraries'' version: stop what uses the GPU, unload the nvidia modules and '
  || 'load them again, or reboot. If it has not, the packages are inconsistent: see nvidia-packages-consistent.',
  'https://github.com/pando85/homelab/pull/4110 | repo:NVIDIA/open-gpu-kernel-modules:README.md@595.45.04');
CREATE VIEW rule_nvidia_library_matches_module AS
WITH nv AS (
  SELECT s.host, coalesce(a.address, '') AS subject,
         coalesce(d.loaded_version, m.version) AS loaded,
         coalesce(d.loaded_version_key, m.version_key) AS loaded_key,
         coalesce(d.disk_version, m.disk_version) AS disk,
         CASE WHEN d.library_version <> 'none' THEN d.library_version ELSE w.version END AS library,
         coalesce(d.library_version_key, w.version_key) AS library_key, t.first_line AS line
  FROM host_summary s
  LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
  LEFT JOIN nvidia_driver d ON d.host = s.host
  LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
  LEFT JOIN kernel_told t ON t.host = s.host AND t.kind = 'nvrm-version-mismatch' AND t.address = ''
  LEFT JOIN software w ON w.host = s.host AND w.name = 'nvidia-smi'
  WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0)
)
SELECT host, subject, NULL AS surface, NULL AS share,
       CASE WHEN substr(loaded_key, 1, 10) <> substr(library_key, 1, 10) THEN 'fail'
            WHEN length(loaded_key) > 11 AND length(library_key) > 11 AND loaded_key <> library_key THEN 'fail'
            WHEN length(loaded_key) > 11 AND loaded_key = library_key THEN 'pass'
            WHEN line IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'kernel module ' || coalesce(loaded, 'not seen') || ' loaded, libraries ' || coalesce(library, 'not seen')
         || ', module on disk ' || coalesce(disk, 'not seen') || coalesce(', kernel log: ' || line, '') AS evidence
FROM nv
WHERE loaded IS NULL OR loaded <> 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-packages-consistent', 'The kernel module on disk and the user-space libraries are of one version',
  'blocks', '@host-driver',
  'A reboot does not help: the module that it would load has another version than the libraries. Install the kernel '
  || 'module and the libraries from one repository in one version (and rebuild the module where DKMS makes it).',
  'https://github.com/illinois-scicomp/machine-shop-maintenance/issues/70');
CREATE VIEW rule_nvidia_packages_consistent AS
WITH nv AS (
  SELECT s.host, coalesce(a.address, '') AS subject,
         coalesce(d.disk_version, m.disk_version) AS disk,
         coalesce(d.disk_version_key, m.disk_version_key) AS disk_key,
         CASE WHEN d.library_version <> 'none' THEN d.library_version ELSE w.version END AS library,
         coalesce(d.library_version_key, w.version_key) AS library_key
  FROM host_summary s
  LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
  LEFT JOIN nvidia_driver d ON d.host = s.host
  LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
  LEFT JOIN software w ON w.host = s.host AND w.name = 'nvidia-smi'
  WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
    AND d.in_container IS DISTINCT FROM 1
)
SELECT host, subject, NULL AS surface, NULL AS share,
       CASE WHEN substr(disk_key, 1, 10) <> substr(library_key, 1, 10) THEN 'fail'
            WHEN length(disk_key) > 11 AND length(library_key) > 11 AND disk_key <> library_key THEN 'fail'
            WHEN length(disk_key) > 11 AND disk_key = library_key THEN 'pass'
            ELSE 'unknown' END AS result,
       'kernel module on disk ' || coalesce(disk, 'not seen') || ', libraries ' || coalesce(library, 'not seen')
         || CASE WHEN length(disk_key) > 11 AND disk_key <> library_key THEN ': a reboot will not help' ELSE '' END AS evidence
FROM nv
WHERE disk IS NULL OR disk <> 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-libraries-installed', 'The driver''s user-space libraries are installed', 'blocks', '@host-driver',
  'Install the user-space half of the driver in the version of the kernel module (libcuda, libnvidia-ml, '
  || 'nvidia-modprobe): containers get it from the host.',
  'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html');
CREATE VIEW rule_nvidia_libraries_installed AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.library_version <> 'none' OR w.version <> 'none' OR d.in_container = 1 THEN 'pass'
            WHEN d.library_version = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       'libcuda and libnvidia-ml: ' || coalesce(d.library_version, 'nvidia-smi ' || w.version, 'not seen')
         || CASE WHEN d.in_container = 1 THEN ', driver container' ELSE '' END AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN software w ON w.host = s.host AND w.name = 'nvidia-smi'
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nvidia-module-on-disk', 'There is an NVIDIA kernel module for the running kernel', 'blocks',
  '@host-driver :vgpu :mig-vgpu -@foreign',
  'Build or install the module for this kernel (dkms autoinstall with the kernel''s headers, or the precompiled package '
  || 'of this very kernel), or boot a kernel that has one.',
  'https://github.com/NVIDIA/nvidia-docker/issues/481 | '
  || 'https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/index.html',
  'accelerator.driver!=nvidia|host_summary.accelerators=0');
CREATE VIEW rule_nvidia_module_on_disk AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver = 'nvidia' OR d.loaded_version <> 'none' OR m.state IN ('loaded', 'builtin') THEN 'pass'
            WHEN d.disk_version = 'none' OR m.disk_version = 'none' OR m.state = 'absent' THEN 'fail'
            WHEN d.disk_version <> 'none' OR m.disk_version <> 'none' OR m.state = 'available' THEN 'pass'
            ELSE 'unknown' END AS result,
       'nvidia module for kernel ' || coalesce(k.release, '(not seen)') || ': '
         || coalesce(d.disk_version, m.disk_version, m.state,
                     CASE WHEN a.driver = 'nvidia' THEN 'loaded' END, 'not seen')
         || CASE WHEN k.headers_installed = 0 THEN ', no kernel headers to build one' ELSE '' END AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
LEFT JOIN kernel k ON k.host = s.host
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND d.in_container IS DISTINCT FROM 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nvidia-open-required', 'A GPU that needs the open kernel modules has them', 'blocks',
  '@host-driver :vgpu :mig-vgpu -@foreign',
  'Install the open flavour of the kernel modules: Blackwell and Grace Hopper are not driven by the proprietary ones.',
  'https://developer.nvidia.com/blog/nvidia-transitions-fully-towards-open-source-gpu-kernel-modules/',
  'accelerator.open_module=?required');
CREATE VIEW rule_nvidia_open_required AS
WITH nv AS (
  SELECT a.host, a.address, a.name, a.generation, a.open_module,
         coalesce(CASE WHEN d.loaded_flavour <> 'none' THEN d.loaded_flavour END,
                  CASE WHEN d.disk_flavour <> 'none' THEN d.disk_flavour END,
                  CASE WHEN m.license = 'NVIDIA' THEN 'proprietary'
                       WHEN m.license IN ('Dual MIT/GPL', 'MIT', 'GPL', 'GPL v2') THEN 'open' END) AS flavour
  FROM accelerator a
  LEFT JOIN nvidia_driver d ON d.host = a.host
  LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
  WHERE a.vendor = '10de' AND a.is_vf = 0
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN open_module = 'required' AND flavour = 'proprietary' THEN 'fail'
            WHEN flavour = 'open' OR open_module IN ('supported', 'unsupported') THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(name, address) || ' (' || coalesce(generation, 'generation not known') || '), kernel modules: '
         || coalesce(flavour, 'flavour not seen') AS evidence
FROM nv
WHERE open_module IS NULL OR open_module = 'required';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nvidia-open-supported', 'A GPU without GSP is not given the open kernel modules', 'blocks',
  '@host-driver :vgpu :mig-vgpu -@foreign',
  'Install the proprietary flavour of a branch that still has this GPU: the open modules drive Turing and later only.',
  'repo:NVIDIA/open-gpu-kernel-modules:README.md@595.45.04',
  'accelerator.open_module=?unsupported');
CREATE VIEW rule_nvidia_open_supported AS
WITH nv AS (
  SELECT a.host, a.address, a.name, a.generation, a.open_module,
         coalesce(CASE WHEN d.loaded_flavour <> 'none' THEN d.loaded_flavour END,
                  CASE WHEN d.disk_flavour <> 'none' THEN d.disk_flavour END,
                  CASE WHEN m.license = 'NVIDIA' THEN 'proprietary'
                       WHEN m.license IN ('Dual MIT/GPL', 'MIT', 'GPL', 'GPL v2') THEN 'open' END) AS flavour
  FROM accelerator a
  LEFT JOIN nvidia_driver d ON d.host = a.host
  LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
  WHERE a.vendor = '10de' AND a.is_vf = 0
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN open_module = 'unsupported' AND flavour = 'open' THEN 'fail'
            WHEN flavour = 'proprietary' OR open_module IN ('supported', 'required') THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(name, address) || ' (' || coalesce(generation, 'generation not known') || '), kernel modules: '
         || coalesce(flavour, 'flavour not seen') AS evidence
FROM nv
WHERE open_module IS NULL OR open_module = 'unsupported';

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nvidia-driver-has-gpu', 'The driver branch still drives this GPU', 'blocks', '@host-driver :vgpu :mig-vgpu -@foreign',
  'Install the last branch that has this GPU and hold it there (580 for Maxwell, Pascal and Volta, 470 for Kepler, 390 '
  || 'for Fermi), or change the GPU.',
  'https://docs.nvidia.com/datacenter/tesla/drivers/615/supported-drivers-and-cuda-toolkit-versions.html | '
  || 'https://wiki.nixos.org/wiki/NVIDIA',
  'accelerator.last_driver!=none');
CREATE VIEW rule_nvidia_driver_has_gpu AS
WITH nv AS (
  SELECT a.host, a.address, a.name, a.generation, a.last_driver, substr(a.last_driver_key, 1, 10) AS last_branch,
         coalesce(d.loaded_version_key, CASE WHEN d.loaded_version IS NULL THEN m.version_key END,
                  d.disk_version_key, m.disk_version_key, d.library_version_key, w.version_key) AS driver_key,
         coalesce(CASE WHEN d.loaded_version <> 'none' THEN d.loaded_version END,
                  CASE WHEN d.loaded_version IS NULL AND m.version <> 'none' THEN m.version END,
                  CASE WHEN d.disk_version <> 'none' THEN d.disk_version END,
                  CASE WHEN m.disk_version <> 'none' THEN m.disk_version END,
                  CASE WHEN d.library_version <> 'none' THEN d.library_version END,
                  CASE WHEN w.version <> 'none' THEN w.version END) AS version,
         CASE WHEN d.loaded_version = 'none' THEN d.disk_version_key ELSE coalesce(d.loaded_version_key, m.version_key)
           END AS sure_key
  FROM accelerator a
  LEFT JOIN nvidia_driver d ON d.host = a.host
  LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
  LEFT JOIN software w ON w.host = a.host AND w.name = 'nvidia-smi'
  WHERE a.vendor = '10de' AND a.is_vf = 0
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN last_driver = 'none' THEN 'pass'
            WHEN substr(driver_key, 1, 10) > last_branch THEN 'fail'
            WHEN substr(sure_key, 1, 10) <= last_branch THEN 'pass'
            ELSE 'unknown' END AS result,
       'driver ' || coalesce(version, '(version not seen)') || ', ' || coalesce(name, address) || ' ('
         || coalesce(generation, 'generation not known') || '): '
         || CASE WHEN last_driver = 'none' THEN 'no last branch yet'
                 ELSE coalesce('last branch ' || last_driver, 'last branch not known') END AS evidence
FROM nv;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-driver-knows-gpu', 'The driver is not older than the GPU', 'blocks', '@host-driver :vgpu :mig-vgpu -@foreign',
  'Install a driver that has this GPU.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html | '
  || 'repo:endoflife-date/endoflife.date:products/nvidia-driver.md@a70eca3 | https://packages.debian.org/bookworm/nvidia-driver');
-- Where the first driver of an id is not known: branches below these have no board of the generation. Boards of older
-- generations are in every driver from 470 on, until their last.
CREATE VIEW rule_nvidia_driver_knows_gpu AS
WITH first_branch AS (
  SELECT 'turing' AS generation, '410' AS branch, version_key('410') AS branch_key
  UNION ALL SELECT 'ampere', '450', version_key('450')
  UNION ALL SELECT 'ada', '520', version_key('520')
  UNION ALL SELECT 'hopper', '515', version_key('515')
  UNION ALL SELECT 'blackwell', '565', version_key('565')
), nv AS (
  SELECT a.host, a.address, a.name, a.generation,
         coalesce(a.first_driver, f.branch) AS first_driver, coalesce(a.first_driver_key, f.branch_key) AS first_driver_key,
         coalesce(d.loaded_version_key, CASE WHEN d.loaded_version IS NULL THEN m.version_key END,
                  d.disk_version_key, m.disk_version_key, d.library_version_key, w.version_key) AS driver_key,
         coalesce(CASE WHEN d.loaded_version <> 'none' THEN d.loaded_version END,
                  CASE WHEN d.loaded_version IS NULL AND m.version <> 'none' THEN m.version END,
                  CASE WHEN d.disk_version <> 'none' THEN d.disk_version END,
                  CASE WHEN m.disk_version <> 'none' THEN m.disk_version END,
                  CASE WHEN d.library_version <> 'none' THEN d.library_version END,
                  CASE WHEN w.version <> 'none' THEN w.version END) AS version,
         CASE WHEN d.loaded_version = 'none' THEN d.disk_version_key ELSE coalesce(d.loaded_version_key, m.version_key)
           END AS sure_key
  FROM accelerator a
  LEFT JOIN nvidia_driver d ON d.host = a.host
  LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
  LEFT JOIN software w ON w.host = a.host AND w.name = 'nvidia-smi'
  LEFT JOIN first_branch f ON f.generation = a.generation
  WHERE a.vendor = '10de' AND a.is_vf = 0
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN driver_key < first_driver_key THEN 'fail'
            WHEN sure_key >= first_driver_key THEN 'pass'
            WHEN first_driver_key IS NULL AND sure_key >= version_key('470')
                 AND generation IN ('kepler', 'maxwell', 'pascal', 'volta') THEN 'pass'
            ELSE 'unknown' END AS result,
       'driver ' || coalesce(version, '(version not seen)') || ', ' || coalesce(name, address)
         || coalesce(' (' || generation || ')', '') || coalesce(' needs ' || first_driver || ' or later', ': first driver not known') AS evidence
FROM nv;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nvidia-not-blacklisted', 'Nothing keeps the nvidia module from being loaded', 'blocks', '@host-driver :vgpu :mig-vgpu -@foreign',
  'Take the blacklist or install line for nvidia out of modprobe.d (left by Bumblebee, prime-select or a passthrough '
  || 'set-up) and modprobe.blacklist=nvidia off the kernel command line, rebuild the initramfs, load the module.',
  'kernel:Documentation/admin-guide/kernel-parameters.txt',
  'accelerator.driver!=nvidia|host_summary.accelerators=0');
CREATE VIEW rule_nvidia_not_blacklisted AS
WITH line AS (
  SELECT host, sorted_list(file || ': ' || directive || ' nvidia') AS listing
  FROM module_directive
  WHERE module = 'nvidia' AND (directive = 'blacklist'
        OR (directive = 'install' AND (replace(argument, '/bin/false', '') <> argument
                                       OR replace(argument, '/bin/true', '') <> argument)))
  GROUP BY host
), option AS (
  SELECT host, sorted_list(name || '=' || value) AS listing
  FROM cmdline_option
  WHERE which = 'running' AND name IN ('modprobe.blacklist', 'module_blacklist', 'rd.driver.blacklist', 'driver.blacklist')
    AND has_word(replace(value, ',', ' '), 'nvidia') = 1
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver = 'nvidia' OR d.loaded_version <> 'none' OR m.state = 'loaded' THEN 'pass'
            WHEN l.listing IS NOT NULL OR o.listing IS NOT NULL THEN 'fail'
            WHEN v.state = 'complete' AND k.cmdline IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       'nvidia ' || CASE WHEN a.driver = 'nvidia' OR d.loaded_version <> 'none' OR m.state = 'loaded' THEN 'loaded'
                         WHEN d.loaded_version = 'none' THEN 'not loaded' ELSE coalesce(m.state, 'not seen') END
         || coalesce('; ' || l.listing, '') || coalesce('; ' || o.listing, '')
         || CASE WHEN l.listing IS NULL AND o.listing IS NULL THEN '; no blacklist entry seen' ELSE '' END AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
LEFT JOIN line l ON l.host = s.host
LEFT JOIN option o ON o.host = s.host
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN observed v ON v.host = s.host AND v.tbl = 'module_directive' AND v.subject = ''
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);
