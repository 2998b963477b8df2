export interface Socket {
  readonly recovered: boolean;
  on(name: string, listener: (data: any) => void): Socket;
}
export declare function io(url?: string): Socket;
export declare const sockets: (Socket & { recovered: boolean; hear(name: string, data?: unknown): void })[];
