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
    <path d="M3 6.500 6.800 9.700 10 4.500l3.200 5.200L17 6.500 15.600 14H4.400z" />
    <path d="M4.600 16.300h10.800" strokeWidth="1.700" />
  </Icon>
);

export const Link = () => (
  <Icon className="icon">
    <path d="M8.500 11.500 11.500 8.500" />
    <path d="M9.500 6.500l1.600-1.600a2.800 2.800 0 0 1 4 4L13.500 10.500" />
    <path d="M10.500 13.500l-1.600 1.600a2.800 2.800 0 0 1-4-4L6.500 9.500" />
  </Icon>
);

export const Server = () => (
  <Icon className="icon">
    <rect x="3" y="3.500" width="14" height="5.500" rx="1.500" />
    <rect x="3" y="11" width="14" height="5.500" rx="1.500" />
    <path d="M6 6.250h.01M6 13.750h.01" />
  </Icon>
);

export const NewTab = () => (
  <Icon className="icon">
    <path d="M11.500 3.500h5v5M16.500 3.500 9.500 10.500" />
    <path d="M15 11.500v3.500a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 15V6.500A1.500 1.500 0 0 1 5 5h3.500" />
  </Icon>
);

export const Refresh = () => (
  <Icon className="icon">
    <path d="M16 10a6 6 0 1 1-1.800-4.300L16 7.500" />
    <path d="M16 3.500v4h-4" />
  </Icon>
);

export const Plus = () => (
  <Icon className="icon">
    <path d="M10 4.500v11M4.500 10h11" />
  </Icon>
);

export const Trash = () => (
  <Icon className="icon">
    <path d="M4 6h12M8 6V4.500h4V6M5.500 6l.7 9.500h7.600L14.500 6M8.500 9v3.500M11.500 9v3.500" />
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
    <path d="M10 5.800a4.200 4.200 0 0 1 0 8.400z" fill="currentColor" stroke="none" />
  </Icon>
);

export const CircleDone = () => (
  <Icon className="icon">
    <circle cx="10" cy="10" r="7" fill="currentColor" />
    <path d="m6.900 10.300 2.200 2.200 4.200-4.800" className="icon-cutout" />
  </Icon>
);

export const Chevron = () => (
  <Icon className="icon icon-chevron">
    <path d="m6 8 4 4 4-4" />
  </Icon>
);
