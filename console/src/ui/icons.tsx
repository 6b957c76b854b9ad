// The few pictures of the console, drawn in strokes of the text's colour.

import type { ReactNode } from 'react';

function Icon({ children, size = 16 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.9}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
    >
      {children}
    </svg>
  );
}

export const CopyIcon = () => (
  <Icon size={14}>
    <rect x="9" y="9" width="11" height="11" rx="2" />
    <path d="M5 15V6a2 2 0 0 1 2-2h8" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon size={14}>
    <path d="M5 13l4 4L19 7" />
  </Icon>
);
export const OverviewIcon = () => (
  <Icon size={18}>
    <path d="M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z" />
  </Icon>
);
export const VehicleIcon = () => (
  <Icon size={18}>
    <path d="M3 16v-3l2-6h14l2 6v3M3 16h18M3 16v3h3v-3M18 16v3h3v-3M5 12h14" />
  </Icon>
);
export const RunIcon = () => (
  <Icon size={18}>
    <path d="M4 12h4l3-8 4 16 3-8h2" />
  </Icon>
);
export const FaultIcon = () => (
  <Icon size={18}>
    <path d="M12 4L2.5 20h19zM12 10v4M12 17v.5" />
  </Icon>
);
export const AuditIcon = () => (
  <Icon size={18}>
    <path d="M6 3h9l4 4v14H6zM9 12h7M9 16h7M9 8h3" />
  </Icon>
);
export const AdminIcon = () => (
  <Icon size={18}>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M3 20c0-4 2.5-6 6-6s6 2 6 6M16 5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .8 3 2.600 3 5.500" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon>
    <circle cx="11" cy="11" r="6" />
    <path d="M20 20l-4.500-4.500" />
  </Icon>
);
export const ThemeIcon = () => (
  <Icon size={18}>
    <circle cx="12" cy="12" r="8.500" />
    <path d="M12 3.500v17a8.500 8.500 0 0 0 0-17z" fill="currentColor" />
  </Icon>
);
export const MoreIcon = () => (
  <Icon>
    <path d="M6 9l6 6 6-6" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
);
