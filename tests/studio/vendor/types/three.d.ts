// What the page takes of three, without its types.

export const BackSide: any;
export const BoxGeometry: any;
export const BufferAttribute: any;
export const BufferGeometry: any;
export const Color: any;
export const Data3DTexture: any;
export const EdgesGeometry: any;
export const GLSL3: any;
export const LineBasicMaterial: any;
export const LinearFilter: any;
export const LineSegments: any;
export const Mesh: any;
export const NearestFilter: any;
export const OrthographicCamera: any;
export const PerspectiveCamera: any;
export const Points: any;
export const Raycaster: any;
export const RedFormat: any;
export const Scene: any;
export const ShaderMaterial: any;
export const UnsignedByteType: any;
export const Vector2: any;
export const Vector3: any;
export const WebGLRenderer: any;
export const WebGLRenderTarget: any;
export const OrbitControls: any;
