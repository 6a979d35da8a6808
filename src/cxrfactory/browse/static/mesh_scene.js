// The meshes of a product in three dimensions: surfaces of the organs, and the slice that the row shows.
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  DirectionalLight,
  DoubleSide,
  Group,
  HemisphereLight,
  LineBasicMaterial,
  LineLoop,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  PerspectiveCamera,
  Quaternion,
  Raycaster,
  Scene,
  SRGBColorSpace,
  Texture,
  Vector2,
  Vector3,
  WebGLRenderer,
} from "./vendor/three.module.min.js";

// Axes of the patient in DICOM's coordinates (x left, y back, z head), as the letters of a viewer.
const AXES = [
  ["L", [1, 0, 0]],
  ["R", [-1, 0, 0]],
  ["P", [0, 1, 0]],
  ["A", [0, -1, 0]],
  ["H", [0, 0, 1]],
  ["F", [0, 0, -1]],
];
// Seen from the front: the patient's left on the right-hand side, the head up.
const FRONT = new Quaternion().setFromAxisAngle(new Vector3(1, 0, 0), -Math.PI / 2);
const ANGLE = 30; // of the camera, degrees
const MARGIN = 12; // mm of the slice around the mesh
export const FULL_MM = 1; // uncertainty that is drawn in the strongest colour
const CERTAIN = new Color("#5b86b8");
const UNCERTAIN = new Color("#ffd23e");

/** How meshes are turned and how near they are; every image keeps what the last one had. */
const look = { turn: FRONT.clone(), zoom: 1 };

export class MeshScene {
  /** Surfaces are {organ: nodes of triangles}; `colours` and their order are the product's. */
  constructor(canvas, surfaces, colours) {
    this.renderer = new WebGLRenderer({ canvas, alpha: true, antialias: true, preserveDrawingBuffer: true });
    this.camera = new PerspectiveCamera(ANGLE, 1, 1, 5000);
    this.scene = new Scene();
    const lamp = new DirectionalLight(0xffffff, 2);
    lamp.position.set(0.4, 0.6, 1);
    this.scene.add(new HemisphereLight(0xffffff, 0x445566, 1.6), lamp);
    this.turned = new Group(); // about the middle of the mesh
    this.body = new Group(); // in the patient's mm
    this.turned.add(this.body);
    this.scene.add(this.turned);
    this.nodes = new BufferAttribute(new Float32Array(0), 3);
    this.organs = new Map();
    let order = 1;
    for (const [organ, faces] of Object.entries(surfaces)) {
      const geometry = new BufferGeometry();
      geometry.setIndex(faces);
      const plain = new Color((colours.get(organ) || "#fff").replace(/ +/g, ",")); // it reads no "rgb(1 2 3)"
      const surface = new Mesh(geometry, new MeshLambertMaterial({ color: plain, side: DoubleSide }));
      surface.renderOrder = order++;
      surface.userData = { organ, plain };
      this.body.add(surface);
      this.organs.set(organ, surface);
    }
    this.slice = new Mesh(new BufferGeometry(), new MeshBasicMaterial({ side: DoubleSide }));
    this.slice.geometry.setIndex([0, 1, 2, 0, 2, 3]);
    this.border = new LineLoop(new BufferGeometry(), new LineBasicMaterial({ color: "#7cbcf5" }));
    this.body.add(this.slice, this.border);
  }

  /** Show the mesh of a row as the server gives it; `bitmap` is its picture, or nothing. */
  show({ vertices, std, plane }, bitmap) {
    const nodes = new BufferAttribute(new Float32Array(vertices), 3);
    const shades = new Float32Array(vertices.length);
    const shade = new Color();
    std.forEach((value, node) => {
      shade.lerpColors(CERTAIN, UNCERTAIN, Math.min(1, value / FULL_MM)).toArray(shades, 3 * node);
    });
    const shading = new BufferAttribute(shades, 3);
    this.std = std;
    for (const { geometry } of this.organs.values()) {
      geometry.setAttribute("position", nodes);
      geometry.setAttribute("color", shading);
      geometry.deleteAttribute("normal");
      geometry.computeVertexNormals();
      geometry.computeBoundingSphere();
    }
    this.frame(nodes);
    this.lay(plane, nodes, bitmap);
  }

  /** Put the middle of the nodes at the middle, with room around them. */
  frame(nodes) {
    const low = new Vector3(Infinity, Infinity, Infinity);
    const high = low.clone().negate();
    const point = new Vector3();
    for (let at = 0; at < nodes.count; at++) {
      point.fromBufferAttribute(nodes, at);
      low.min(point);
      high.max(point);
    }
    const middle = low.clone().add(high).divideScalar(2);
    this.body.position.copy(middle).negate();
    this.radius = high.distanceTo(low) / 2;
  }

  /** Lay the picture into its plane, cut to the part around the mesh. */
  lay({ corner, across, down }, nodes, bitmap) {
    const [start, right, below] = [corner, across, down].map((each) => new Vector3(...each));
    const ranges = [right, below].map((axis) => {
      let [low, high] = [Infinity, -Infinity];
      const point = new Vector3();
      for (let at = 0; at < nodes.count; at++) {
        const along = point.fromBufferAttribute(nodes, at).sub(start).dot(axis) / axis.lengthSq();
        [low, high] = [Math.min(low, along), Math.max(high, along)];
      }
      const room = MARGIN / axis.length();
      return [Math.max(0, low - room), Math.min(1, high + room)];
    });
    const [[left, most], [top, bottom]] = ranges;
    const corners = [
      [left, top],
      [most, top],
      [most, bottom],
      [left, bottom],
    ];
    const places = corners.flatMap(([x, y]) =>
      start.clone().addScaledVector(right, x).addScaledVector(below, y).toArray(),
    );
    for (const { geometry } of [this.slice, this.border])
      geometry.setAttribute("position", new BufferAttribute(new Float32Array(places), 3));
    this.slice.geometry.setAttribute("uv", new BufferAttribute(new Float32Array(corners.flat()), 2));
    this.slice.material.map?.dispose();
    this.slice.visible = Boolean(bitmap) && left < most && top < bottom;
    if (!this.slice.visible) return;
    const texture = new Texture(bitmap);
    texture.flipY = false;
    texture.colorSpace = SRGBColorSpace;
    texture.needsUpdate = true;
    this.slice.material.map = texture;
    this.slice.material.needsUpdate = true;
  }

  /** Draw with these organs on, and either their colours or the uncertainty of their nodes. */
  draw({ organs, opacity, nodes, off }) {
    const { clientWidth: width, clientHeight: height } = this.renderer.domElement;
    if (!width || !height || !this.radius) return;
    this.renderer.setPixelRatio(devicePixelRatio || 1);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    // The whole mesh fits into the narrower side at the zoom 1.
    const half = Math.atan(Math.tan((ANGLE * Math.PI) / 360) * Math.min(1, this.camera.aspect));
    this.camera.position.z = (1.1 * this.radius) / Math.sin(half) / look.zoom;
    this.camera.updateProjectionMatrix();
    this.turned.quaternion.copy(look.turn);
    const through = opacity < 100;
    for (const [organ, { material, userData }] of this.organs) {
      material.visible = !off && organs.includes(organ);
      material.opacity = opacity / 100;
      material.depthWrite = !through;
      if (material.transparent !== through || material.vertexColors !== nodes) material.needsUpdate = true;
      material.transparent = through;
      material.vertexColors = nodes;
      material.color.copy(nodes ? new Color("#fff") : userData.plain);
    }
    this.renderer.render(this.scene, this.camera);
  }

  /** {organ, mm} of the nearest shown surface under a point of the canvas, x and y from 0 to 1; null for none. */
  under(x, y) {
    const ray = new Raycaster();
    ray.setFromCamera(new Vector2(2 * x - 1, 1 - 2 * y), this.camera);
    const shown = [...this.organs.values()].filter(({ material }) => material.visible);
    const [hit] = ray.intersectObjects(shown, false);
    return hit ? { organ: hit.object.userData.organ, mm: this.std[hit.face.a] } : null;
  }

  dispose() {
    for (const { geometry, material } of [...this.organs.values(), this.slice, this.border]) {
      geometry.dispose();
      material.map?.dispose();
      material.dispose();
    }
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}

/** Turn the meshes by so many radians about the screen's vertical and horizontal axes. */
export function turnBy(right, down) {
  const step = new Quaternion().setFromAxisAngle(new Vector3(0, 1, 0), right);
  step.multiply(new Quaternion().setFromAxisAngle(new Vector3(1, 0, 0), down));
  look.turn.premultiply(step).normalize();
}

export function nearer(factor) {
  look.zoom = Math.min(12, Math.max(0.3, look.zoom * factor));
}

export function fromFront() {
  look.turn.copy(FRONT);
  look.zoom = 1;
}

/** [letter, x, y] of the patient's sides that point out of the middle of the screen; x right, y up, -1 to 1. */
export const sides = () =>
  AXES.map(([letter, axis]) => [letter, ...new Vector3(...axis).applyQuaternion(look.turn).toArray()])
    .filter(([, x, y]) => Math.hypot(x, y) > 0.72) // at most one of two that share a direction
    .map(([letter, x, y]) => [letter, x / Math.hypot(x, y), y / Math.hypot(x, y)]);
