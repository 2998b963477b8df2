import type { SVGProps } from "react";

/** An icon is decoration: the words beside it, or the label of its button, say what it means. */
function Icon({ children, ...props }: SVGProps<SVGSVGElement>) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      {...props}
    >
      {children}
    </svg>
  );
}

export const Leaf = () => (
  <Icon className="icon icon-leaf" viewBox="0 0 32 32" strokeWidth="2.6">
    <path d="M9 22c0-8 5-13 14-13 0 9-5 14-12 13" />
    <path d="M9 24c1.5-4 4-7 8-9" />
  </Icon>
);

export const Crown = () => (
  <Icon className="icon icon-crown" fill="currentColor" strokeWidth="1.2">
    <path d="M3 6.5 6.8 9.7 10 4.5l3.2 5.2L17 6.5 15.6 14H4.4z" />
    <path d="M4.6 16.3h10.8" strokeWidth="1.7" />
  </Icon>
);

export const Link = () => (
  <Icon className="icon">
    <path d="M8.5 11.5 11.5 8.5" />
    <path d="M9.5 6.5l1.6-1.6a2.8 2.8 0 0 1 4 4L13.5 10.5" />
    <path d="M10.5 13.5l-1.6 1.6a2.8 2.8 0 0 1-4-4L6.5 9.5" />
  </Icon>
);

export const Server = () => (
  <Icon className="icon">
    <rect x="3" y="3.5" width="14" height="5.5" rx="1.5" />
    <rect x="3" y="11" width="14" height="5.5" rx="1.5" />
    <path d="M6 6.250h.01M6 13.750h.01" />
  </Icon>
);

export const NewTab = () => (
  <Icon className="icon">
    <path d="M11.5 3.5h5v5M16.5 3.5 9.5 10.5" />
    <path d="M15 11.5v3.5a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 15V6.5A1.5 1.5 0 0 1 5 5h3.5" />
  </Icon>
);

export const Refresh = () => (
  <Icon className="icon">
    <path d="M16 10a6 6 0 1 1-1.8-4.3L16 7.5" />
    <path d="M16 3.5v4h-4" />
  </Icon>
);

export const Plus = () => (
  <Icon className="icon">
    <path d="M10 4.5v11M4.5 10h11" />
  </Icon>
);

export const Trash = () => (
  <Icon className="icon">
    <path d="M4 6h12M8 6V4.5h4V6M5.5 6l.7 9.5h7.6L14.5 6M8.5 9v3.5M11.5 9v3.5" />
  </Icon>
);

export const CircleTodo = () => (
  <Icon className="icon">
    <circle cx="10" cy="10" r="7" />
  </Icon>
);

export const CircleDoing = () => (
  <Icon className="icon">
    <circle cx="10" cy="10" r="7" />
    <path d="M10 5.8a4.2 4.2 0 0 1 0 8.4z" fill="currentColor" stroke="none" />
  </Icon>
);

export const CircleDone = () => (
  <Icon className="icon">
    <circle cx="10" cy="10" r="7" fill="currentColor" />
    <path d="m6.9 10.3 2.2 2.2 4.2-4.8" className="icon-cutout" />
  </Icon>
);

export const Chevron = () => (
  <Icon className="icon icon-chevron">
    <path d="m6 8 4 4 4-4" />
  </Icon>
);

export const Pencil = () => (
  <Icon className="icon icon-pencil">
    <path d="M4.5 15.5l.6-3L12.7 5l2.3 2.3-7.6 7.6z" />
  </Icon>
);

export const Lock = () => (
  <Icon className="icon icon-lock">
    <rect x="4.5" y="9" width="11" height="7.5" rx="1.5" />
    <path d="M7 9V6.5a3 3 0 0 1 6 0V9" />
  </Icon>
);

export const Check = () => (
  <Icon className="icon">
    <path d="m5 10.5 3.5 3.5L15 6.5" />
  </Icon>
);

export const Pause = () => (
  <Icon className="icon">
    <path d="M7 5v10M13 5v10" />
  </Icon>
);

export const Play = () => (
  <Icon className="icon">
    <path d="M7 5l8 5-8 5z" />
  </Icon>
);

export const Close = () => (
  <Icon className="icon">
    <path d="m5.5 5.5 9 9M14.5 5.5l-9 9" />
  </Icon>
);

export const Person = () => (
  <Icon className="icon">
    <circle cx="10" cy="6.8" r="3.1" />
    <path d="M4 16.500c.5-3.300 2.900-4.900 6-4.900s5.500 1.600 6 4.900" />
  </Icon>
);

export const Phone = () => (
  <Icon className="icon">
    <rect x="5.500" y="2.800" width="9" height="14.400" rx="2" />
    <path d="M9 14.600h2" />
  </Icon>
);

export const Flask = () => (
  <Icon className="icon">
    <path d="M8 3h4M8.700 3v4.800L4.300 15a1.500 1.500 0 0 0 1.300 2.200h8.800a1.500 1.500 0 0 0 1.300-2.200l-4.400-7.200V3" />
    <path d="M6.600 12.200h6.800" />
  </Icon>
);
