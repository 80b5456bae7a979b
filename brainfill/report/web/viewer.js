// The viewer: unpacked and started when it is first opened; nothing is fetched.
const HEADER = 352; // bytes of NIfTI before the voxels
const button = document.getElementById("view"), box = document.getElementById("viewer");
const controls = document.getElementById("view-controls"), said = document.getElementById("view-said");
let viewer;

const packed = id => document.getElementById(`packed-${id}`).textContent;

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(packed(id)), c => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

function missing() {
  if (!document.createElement("canvas").getContext("webgl2")) return "WebGL2";
  return "DecompressionStream" in window ? "" : "DecompressionStream";
}

async function library() {
  const script = document.createElement("script");
  script.textContent = await (await unpacked("niivue")).text();
  document.head.append(script);
  return window.niivue;
}

async function start() {
  const { Niivue, NVImage, SLICE_TYPE } = await library();
  const nv = new Niivue({
    logLevel: "error", backColor: [0, 0, 0, 1], crosshairColor: [0.35, 0.7, 1, 0.8], crosshairWidth: 0.75,
    isRadiologicalConvention: true, sagittalNoseLeft: true, dragAndDropEnabled: false, show3Dcrosshair: false,
  });
  await nv.attachToCanvas(document.getElementById("canvas"));
  nv.setSliceType(SLICE_TYPE.MULTIPLANAR);
  const scan = await NVImage.loadFromBase64({ base64: packed("scan"), name: "scan.nii.gz", cal_min: 0, cal_max: 255 });
  const lesion = await NVImage.loadFromBase64({
    base64: packed("lesion"), name: "lesion.nii.gz", colormap: "warm", opacity: 0.55, cal_min: 0.5, cal_max: 1.5,
  });
  nv.addVolume(scan);
  nv.addVolume(lesion);
  const before = scan.img, after = before.slice();
  new Uint8Array(await (await unpacked("fill")).arrayBuffer()).subarray(HEADER)
    .forEach((value, i) => { if (value) after[i] = value; });

  const show = () => {
    scan.img = controls.querySelector("[name=which]:checked").value === "after" ? after : before;
    lesion.opacity = document.getElementById("view-lesion").checked ? 0.55 : 0;
    nv.updateGLVolume();
  };
  controls.onchange = show;
  const steps = {
    ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0],
    PageUp: [0, 0, 1], PageDown: [0, 0, -1],
  };
  box.addEventListener("keydown", event => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [x, y, z] = steps[event.key];
    nv.moveCrosshairInVox(-x, y, z); // the person's right is on the left
  });
  nv.scene.crosshairPos = nv.mm2frac(box.dataset.place.split(" ").map(Number));
  show();
  return nv;
}

button.onclick = async () => {
  const lacking = missing();
  if (lacking) {
    said.textContent = `The viewer needs ${lacking}, which this browser does not offer or has switched off. ` +
      "The pictures above show the same scan.";
    return;
  }
  const open = box.hidden;
  box.hidden = controls.hidden = !open;
  button.setAttribute("aria-expanded", open);
  button.textContent = open ? "Close the viewer" : "Open the viewer";
  if (viewer || !open) return;
  said.textContent = "Unpacking …";
  try {
    viewer = await (viewer = start());
    said.textContent = "";
  } catch (error) {
    said.textContent = `The viewer did not start: ${error.message}`;
  }
};
